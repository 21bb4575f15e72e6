"""Every page of the administration opens, for the one who administers everything and for the one who administers a company."""

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import User
from tenants.models import Company, Permission, Privilege, Role
from tests.cast import Browse

LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry
]

# For who administers the installation, and for nobody of a company alone.
OF_INSTALLATION = {
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in admin.site._registry
    if getattr(model, "scope_path", "") == "*"
}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens(name: str, browser: Browse, root: User, ada: User, cleo: User) -> None:
    for user in (root, ada):
        answer = browser(user).get(reverse(name), follow=True)
        assert answer.status_code == (403 if user == ada and name in OF_INSTALLATION else 200)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_object_opens_for_root(model: type, browser: Browse, root: User, ada: User, cleo: User) -> None:
    page = browser(root)
    obj = model.objects.first()
    if obj is not None:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[obj.pk])
        assert page.get(url).status_code == 200


@pytest.mark.parametrize("model", [User, Role, Privilege, Permission, Company])
def test_every_form_to_add_opens(model: type, browser: Browse, root: User) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    assert browser(root).get(url).status_code == 200
