"""Every field of every page explains itself."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from accounts.models import User
from tenants.models import Company
from tests.cast import Browse

PAGES = [
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model._meta.model_name != "settingsrevision"  # its page is tested with the settings
]


def _explained(answer: object) -> dict[str, bool]:
    found = {}
    for fieldset in answer.context["adminform"]:  # type: ignore[attr-defined]
        for line in fieldset:
            for field in line:
                name = field.field["name"] if field.is_readonly else field.field.name
                text = field.field["help_text"] if field.is_readonly else field.field.help_text
                found[str(name)] = bool(text)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_field_has_help(
    name: str, browser: Browse, root: User, ada: User, foreign: dict[str, Model]
) -> None:
    page = browser(root)
    model_admin = next(
        one
        for model, one in admin.site._registry.items()
        if name == f"{model._meta.app_label}_{model._meta.model_name}"
    )
    obj = model_admin.model.objects.first()
    explained = _explained(page.get(reverse(f"admin:{name}_change", args=[obj.pk])))
    if model_admin._defines("add"):
        explained |= _explained(page.get(reverse(f"admin:{name}_add")))
    assert explained
    assert [field for field, has_help in explained.items() if not has_help] == []


@pytest.mark.parametrize("verb", ["set_password", "lock"])
def test_every_field_of_a_verb_has_help(verb: str, browser: Browse, ada: User, ben: User) -> None:
    explained = _explained(browser(ada).get(reverse(f"admin:accounts_user_{verb}", args=[ben.pk])))
    assert explained
    assert all(explained.values())


def test_a_built_in_role_shows_its_name_without_a_field(browser: Browse, root: User, acme: Company) -> None:
    role = root.roles.get()
    text = browser(root).get(reverse("admin:tenants_role_change", args=[role.pk])).content.decode()
    assert "Full Administrator" in text
    assert 'name="rank"' not in text
