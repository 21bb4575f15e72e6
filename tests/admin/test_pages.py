"""Every page of the administration opens, for the one who administers everything and for the one who administers a company."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from accounts.models import User
from tenants.models import Company, Permission, Privilege, Role
from tenants.rules import OF_INSTALLATION
from tests.cast import Browse


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label_lower)
def test_every_list_opens(model: type[Model], browser: Browse, root: User, ada: User, cleo: User) -> None:
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert browser(root).get(address, follow=True).status_code == 200
    # What belongs to the whole installation is not for the administrator of a company.
    of_installation = getattr(model, "scope_path", "") == OF_INSTALLATION
    assert browser(ada).get(address, follow=True).status_code == (403 if of_installation else 200)


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
