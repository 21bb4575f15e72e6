"""The administration has no sign-in of its own, opens for those who may, and hides from those who may not."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import User
from core.admin import VerbAdmin
from portal.admin import site
from tests.cast import Browse


def test_a_stranger_is_sent_to_the_one_sign_in(browser: Browse) -> None:
    page = browser()
    answer = page.get("/admin/accounts/user/?q=ada", follow=False)
    assert answer.status_code == 302
    answer = page.get(answer.headers["Location"])
    assert answer.headers["Location"] == "/login/?next=%2Fadmin%2Faccounts%2Fuser%2F%3Fq%3Dada"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leads_elsewhere(target: str, browser: Browse) -> None:
    answer = browser().get("/admin/login/", {"next": target})
    assert answer.headers["Location"] == "/login/?next=%2Fadmin%2F"


def test_posting_a_password_to_the_stock_sign_in_gives_nothing(browser: Browse, root: User) -> None:
    root.set_password("correct horse battery")
    root.save()
    answer = browser().post("/admin/login/", {"username": root.username, "password": "correct horse battery"})
    assert answer.headers["Location"].startswith("/login/")
    assert not answer.cookies


def test_who_may_not_open_the_administration_finds_nothing(browser: Browse, ben: User) -> None:
    page = browser(ben)
    for address in (
        "/admin/",
        "/admin/login/",
        "/admin/accounts/user/",
        "/admin/autocomplete/",
        "/admin/jsi18n/",
        "/admin/nothing/",
    ):
        assert page.get(address).status_code == 404, address


def test_a_locked_session_opens_nothing(browser: Browse, ada: User) -> None:
    page = browser(ada)
    ada.sessions.update(locked_at=timezone.now())
    answer = page.get("/admin/accounts/user/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/confirm/")
    assert page.post("/admin/accounts/user/add/", {}).status_code == 403


def test_a_role_that_is_taken_away_closes_the_administration_at_once(browser: Browse, ada: User) -> None:
    from core import epoch
    from core.db import unit

    page = browser(ada)
    assert page.get("/admin/").status_code == 200
    with unit():
        ada.roles.clear()
        epoch.bump()
    assert page.get("/admin/").status_code == 404


def test_signing_out_takes_a_post_and_is_the_portals(browser: Browse, ada: User) -> None:
    page = browser(ada)
    assert page.get("/admin/logout/").status_code == 405
    answer = page.post("/admin/logout/")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/logout/")


@pytest.mark.parametrize("name", ["password_change", "password_change_done", "view_on_site"])
def test_the_stock_side_doors_are_gone(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{name}", args=[1, 1] if name == "view_on_site" else [])


def test_only_admins_that_write_through_verbs_are_registered() -> None:
    site.register(Group, type("GroupAdmin", (), {}))
    assert not site.is_registered(Group)
    assert all(isinstance(one, VerbAdmin) for one in site._registry.values())


def test_forms_need_the_token_of_their_browser(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada, enforce_csrf_checks=True)
    for address in ("admin:accounts_user_change", "admin:accounts_user_delete", "admin:accounts_user_lock"):
        assert page.post(reverse(address, args=[ben.pk]), {"reason": "x"}).status_code == 403
    assert User.objects.get(pk=ben.pk).locked_at is None


def test_the_stock_log_stays_empty(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada)
    page.post(
        reverse("admin:accounts_user_change", args=[ben.pk]),
        {"email": ben.email, "display_name": "Benno", "is_active": "on", "company": ben.company_id},
    )
    page.post(reverse("admin:accounts_user_delete", args=[ben.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=ben.pk).exists()
    assert not LogEntry.objects.exists()


def test_pages_run_no_inline_script_and_carry_the_strict_policy(
    browser: Browse, root: User, ben: User
) -> None:
    page = browser(root)
    for address in (
        "/admin/",
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_add"),
        reverse("admin:accounts_user_change", args=[ben.pk]),
        reverse("admin:tenants_settingsrevision_everywhere"),
    ):
        answer = page.get(address)
        text = answer.content.decode()
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        scripts = [part.partition(">")[0] for part in text.split("<script")[1:]]
        assert all("src=" in script for script in scripts), address


def test_names_are_escaped_everywhere(browser: Browse, ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(
        display_name="<img src=x onerror=alert(1)>", locked_reason="<b>x</b>", locked_at=timezone.now()
    )
    page = browser(ada)
    for address in (
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[ben.pk]),
        reverse("admin:accounts_user_delete", args=[ben.pk]),
    ):
        text = page.get(address).content.decode()
        assert "<img src=x" not in text
        assert "<b>x</b>" not in text


def test_history_leads_to_the_audit_events_of_the_object(browser: Browse, ada: User, ben: User) -> None:
    page = browser(ada)
    page.post(reverse("admin:accounts_user_lock", args=[ben.pk]), {"reason": "x"})
    answer = page.get(reverse("admin:accounts_user_history", args=[ben.pk]), follow=True)
    assert {row.event for row in answer.context["cl"].result_list} == {"accounts:user:locked"}
