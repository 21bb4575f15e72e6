"""What belongs to another company does not exist: at no address, in no list, in no choice, by no question."""

import json

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import AuditEvent
from core.admin import VerbAdmin
from delivery.models import Delivery
from tenants.models import Company, Permission, Role
from tests.cast import Browse


def _addresses(name: str, model_admin: VerbAdmin, pk: int) -> list[str]:
    pages = ["change", "delete", "history", *(verb.name for verb in model_admin._verbs())]
    return [reverse(f"admin:{name}_{page}", args=[pk]) for page in pages]


def test_every_address_of_a_foreign_object_is_404(
    browser: Browse, ada: User, foreign: dict[str, Model]
) -> None:
    page = browser(ada)
    before = {name: type(obj).objects.filter(pk=obj.pk).values().get() for name, obj in foreign.items()}
    checked = 0
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if name not in foreign:
            continue
        for address in [
            *_addresses(name, model_admin, foreign[name].pk),
            f"/admin/{name.replace('_', '/', 1)}/{foreign[name].pk}/",
        ]:
            assert page.get(address).status_code == 404, address
            assert page.post(address, {"post": "yes", "reason": "x"}).status_code == 404, address
            checked += 1
    assert checked > 30
    assert before == {
        name: type(obj).objects.filter(pk=obj.pk).values().get() for name, obj in foreign.items()
    }


def test_an_object_that_never_was_answers_like_a_foreign_one(
    browser: Browse, ada: User, foreign: dict[str, Model]
) -> None:
    page = browser(ada)
    never = page.get(reverse("admin:accounts_user_change", args=[999_999]))
    theirs = page.get(reverse("admin:accounts_user_change", args=[foreign["accounts_user"].pk]))
    assert never.status_code == theirs.status_code == 404
    assert never.content == theirs.content


@pytest.mark.parametrize("key", ["abc", "1 or 1=1", "-1", "9" * 30, "%00", "_3A"])
def test_a_key_that_is_no_number_is_404(key: str, browser: Browse, ada: User) -> None:
    assert browser(ada).get(f"/admin/accounts/user/{key}/change/").status_code == 404


def test_no_list_names_a_foreign_object(browser: Browse, ada: User, foreign: dict[str, Model]) -> None:
    page = browser(ada)
    for model in admin.site._registry:
        answer = page.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), follow=True
        )
        text = answer.content.decode().lower()
        assert "globex" not in text, model
        assert "cleo" not in text, model


def test_the_filters_offer_own_companies_only_and_a_foreign_number_finds_nothing(
    browser: Browse, ada: User, cleo: User, globex: Company
) -> None:
    page = browser(ada)
    for query in (
        f"company__id__exact={globex.pk}",
        f"company__id__exact={globex.pk}&q=cleo",
        f"q={cleo.email}",
    ):
        answer = page.get(f"{reverse('admin:accounts_user_changelist')}?{query}")
        assert answer.status_code == 200
        assert answer.context["cl"].result_count == 0
    assert (
        page.get(reverse("admin:audit_auditevent_changelist"), {"company": globex.pk})
        .context["cl"]
        .result_count
        == 0
    )


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=argon2",
        "password__gte=argon2",
        "company__name__startswith=G",
        "company__uid__gte=0",
        "user__password__gte=a",
        "sessions__fingerprint__gte=a",
        "roles__rank__gte=100",
        "_to_field=password",
    ],
)
def test_a_list_cannot_be_asked_by_columns_that_it_does_not_offer(
    query: str, browser: Browse, ada: User
) -> None:
    assert browser(ada).get(f"{reverse('admin:accounts_user_changelist')}?{query}").status_code == 400


def _completed(page: Client, *, app: str, model: str, field: str, term: str = "") -> set[str]:
    answer = page.get(
        reverse("admin:autocomplete"),
        {"app_label": app, "model_name": model, "field_name": field, "term": term},
    )
    assert answer.status_code == 200
    return {one["text"] for one in json.loads(answer.content)["results"]}


def test_autocompletion_offers_nothing_foreign(
    browser: Browse, ada: User, ben: User, foreign: dict[str, Model]
) -> None:
    page = browser(ada)
    assert _completed(page, app="accounts", model="user", field="company") == {"Acme"}
    assert _completed(page, app="tenants", model="permission", field="user") == {ada.username, ben.username}
    assert _completed(page, app="tenants", model="permission", field="user", term="cleo") == set()
    assert "Globex Desk (Globex)" not in _completed(page, app="accounts", model="user", field="roles")


def test_pop_ups_and_other_columns_as_keys_do_not_exist(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada)
    change = reverse("admin:accounts_user_change", args=[ben.pk])
    assert page.get(f"{change}?_popup=1").status_code == 404
    assert page.post(change, {"_popup": "1", "_to_field": "password"}).status_code == 404
    assert page.post(change, {"_to_field": "password"}).status_code == 404
    assert page.get(f"{reverse('admin:accounts_user_changelist')}?_popup=1").status_code == 404


def test_there_is_no_address_that_redirects_for_whatever_exists(browser: Browse, ada: User) -> None:
    assert browser(ada).get("/admin/r/1/1/").status_code == 404


def test_a_foreign_number_in_a_body_is_a_form_error_and_nothing_happens(
    browser: Browse, ada: User, ben: User, globex: Company, foreign: dict[str, Model]
) -> None:
    page = browser(ada)
    given = {
        "email": ben.email,
        "display_name": "Ben",
        "is_active": "on",
        "company": ben.company_id,
        "roles": [ben.roles.get().pk],
    }
    for body in (
        {"company": globex.pk},
        {"roles": [foreign["tenants_role"].pk]},
        {"company": "abc"},
        {"roles": ["x"]},
    ):
        answer = page.post(reverse("admin:accounts_user_change", args=[ben.pk]), given | body)
        assert answer.status_code == 200
        assert answer.context["errors"]
    ben.refresh_from_db()
    assert ben.company_id != globex.pk
    assert [role.company_id for role in ben.roles.all()] == [None]


def test_a_permission_cannot_be_given_to_a_foreign_person_or_over_a_foreign_company(
    browser: Browse, ada: User, ben: User, cleo: User, globex: Company
) -> None:
    page, before = browser(ada), Permission.objects.count()
    for body in (
        {"user": cleo.pk, "kind": "user", "reach": "own"},
        {"user": ben.pk, "kind": "user", "reach": "one", "company": globex.pk},
    ):
        answer = page.post(reverse("admin:tenants_permission_add"), body)
        assert answer.status_code == 200
        assert answer.context["errors"]
    assert Permission.objects.count() == before


def test_a_company_outside_of_reach_is_not_named_in_a_permission(
    browser: Browse, ada: User, ben: User, globex: Company
) -> None:
    permission = Permission.objects.create(user=ben, kind="user", reach="one", company=globex)
    page = browser(ada)
    for address in (
        reverse("admin:tenants_permission_changelist"),
        reverse("admin:tenants_permission_change", args=[permission.pk]),
        reverse("admin:accounts_user_change", args=[ben.pk]),
    ):
        answer = page.get(address)
        assert answer.status_code == 200
        assert "Globex" not in answer.content.decode()


def test_bulk_actions_do_nothing_when_a_foreign_object_is_among_the_chosen(
    browser: Browse, ada: User, ben: User, foreign: dict[str, Model]
) -> None:
    page = browser(ada)
    actions = {
        "accounts_user": "remove",
        "accounts_session": "end",
        "delivery_delivery": "retry",
        "tenants_role": "remove",
    }
    for name, action in actions.items():
        chosen = [str(foreign[name].pk), *([str(ben.pk)] if name == "accounts_user" else [])]
        answer = page.post(
            reverse(f"admin:{name}_changelist"),
            {"action": action, "_selected_action": chosen, "confirmed": "1"},
        )
        assert answer.status_code == 302
    assert User.objects.filter(pk__in=[ben.pk, foreign["accounts_user"].pk]).count() == 2
    assert Role.objects.filter(pk=foreign["tenants_role"].pk).exists()
    assert Delivery.objects.get(pk=foreign["delivery_delivery"].pk).state == "failed"
    foreign["accounts_session"].refresh_from_db()
    assert foreign["accounts_session"].ended_at is None


def test_select_across_reaches_no_further_than_the_list(
    browser: Browse, ada: User, ben: User, cleo: User
) -> None:
    browser(ada).post(
        reverse("admin:accounts_user_changelist"),
        {"action": "sign_out", "select_across": "1", "_selected_action": [str(ben.pk)], "index": "0"},
    )
    answer = browser(ada).post(
        reverse("admin:accounts_user_changelist"),
        {"action": "sign_out", "select_across": "1", "_selected_action": [str(ben.pk)]},
    )
    assert {user.username for user in answer.context["objects"]} == {ada.username, ben.username}


def test_exports_hold_own_rows_only(browser: Browse, ada: User, foreign: dict[str, Model]) -> None:
    page = browser(ada)
    for kind in ("csv", "json"):
        text = page.get(reverse(f"admin:audit_auditevent_{kind}")).getvalue().decode()
        assert ada.username in text
        assert "cleo" not in text
    rows = json.loads(page.get(reverse("admin:audit_auditevent_json")).getvalue())
    assert {row["company_id"] for row in rows} == {ada.company_id}
    assert AuditEvent.objects.exclude(company_id=ada.company_id).exists()


def test_the_settings_of_another_company_and_of_everywhere_are_404_for_a_company_administrator(
    browser: Browse, ada: User, globex: Company
) -> None:
    page = browser(ada)
    for address in (
        reverse("admin:tenants_settingsrevision_everywhere"),
        reverse("admin:tenants_settingsrevision_company", args=[globex.pk]),
        reverse("admin:tenants_settingsrevision_company", args=[999_999]),
    ):
        assert page.get(address).status_code == 404
        assert page.post(address, {"revision": 0, "reason": "x"}).status_code == 404
