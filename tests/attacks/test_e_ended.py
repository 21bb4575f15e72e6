"""E. Access after it should have ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.companies import change_company
from accounts.ending import sign_out_everywhere
from accounts.middleware import BROWSER_COOKIE
from accounts.models import Browser, Session, User
from accounts.people import UserDraft, change_user, delete_user, lock_user, set_password
from audit.record import Origin
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company, Role
from tenants.services import CompanyDraft
from tests import cast
from tests.attacks.people import ADA, BEN
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.keys import made
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import add_factor

pytestmark = pytest.mark.django_db
End = Callable[[User], Any]


def now() -> dict[str, Any]:
    return {"by": system_actor(), "now": timezone.now()}


def disable(user: User) -> Any:
    return change_user(user, UserDraft(is_active=False), **now())


def close_company(user: User) -> Any:
    company = Company.objects.get(pk=user.company_id)
    return change_company(company, CompanyDraft(is_active=False), **now())


def lock(user: User) -> Any:
    return lock_user(user, reason="seen elsewhere", **now())


def give_password(user: User) -> Any:
    return set_password(user, NEW_PASSWORD, must_change=True, **now())


def delete(user: User) -> Any:
    return delete_user(user, **now())


def sign_out(user: User) -> Any:
    return sign_out_everywhere(user, **now())


def move(user: User) -> Any:
    return change_user(user, UserDraft(company=Company.objects.get(name="Globex"), roles=[]), **now())


def rename(user: User) -> Any:
    return change_user(user, UserDraft(email="somebody.else@acme.example"), **now())


# --- 18


@pytest.mark.parametrize("end", [disable, close_company, lock, give_password, delete, sign_out, move, rename])
def test_everything_that_ends_access_ends_it_everywhere(
    web: WebDoor, api: ApiDoor, ben: User, globex: Company, end: End
) -> None:
    sign_in(web, BEN, PASSWORD)
    sign_in(api, BEN, PASSWORD)
    half = ApiDoor()
    half.begin(BEN)
    page = web.browser
    assert web.is_in()
    assert api.is_in()
    assert not isinstance(end(ben), Denied)
    assert not web.is_in()
    assert not api.is_in()
    assert page.get("/api/v1/me/").status_code == 401
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401
    assert (
        not ApiDoor()
        .post("/api/v1/tokens/introspect/", {"token": api.access}, bearer=api.access)
        .facts.get("active")
    )
    if end not in {sign_out, move, rename}:  # after which the password is as good as before
        assert half.take("password", password=PASSWORD).step != "done"
    assert Session.objects.filter(ended_at=None).count() == 0


def test_what_was_ended_does_not_come_back_when_the_person_does(
    web: WebDoor, api: ApiDoor, ben: User
) -> None:
    sign_in(web, BEN, PASSWORD)
    sign_in(api, BEN, PASSWORD)
    disable(ben)
    change_user(ben, UserDraft(is_active=True), **now())
    assert not web.is_in()
    assert not api.is_in()
    assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401


def test_a_role_that_is_taken_is_gone_at_once(api: ApiDoor, web: WebDoor, ada: User, post: Post) -> None:
    for door in (api, web):
        sign_in(door, ADA, PASSWORD)
        door.take("code", code=post.code(ADA))
    assert api.get("/api/v1/users/").status == 200
    assert web.browser.get("/admin/accounts/user/").status_code == 200
    change_user(ada, UserDraft(roles=[]), **now())
    assert api.get("/api/v1/users/").status in {401, 403}
    assert web.browser.get("/admin/accounts/user/").status_code in {302, 403, 404}


def test_a_role_that_asks_for_a_second_factor_opens_nothing_to_a_session_without_one(
    door: Door, ben: User, post: Post
) -> None:
    """Rights rise in the middle of a session that only a password opened."""
    sign_in(door, BEN, PASSWORD)
    assert door.is_in()
    change_user(
        ben, UserDraft(roles=[Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)]), **now()
    )
    assert not door.is_in()
    assert sign_in(door, BEN, PASSWORD).step == "code"
    door.take("code", code=post.code(BEN))
    assert door.is_in()
    change_user(ben, UserDraft(roles=[Role.objects.get(name=cast.AGENT, company=None)]), **now())
    change_user(
        ben, UserDraft(roles=[Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)]), **now()
    )
    assert door.is_in()  # it was proved


def test_a_half_finished_sign_in_ends_with_what_it_stands_on(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    code = post.code(ADA)
    give_password(ada)
    assert door.take("code", code=code).step in {"ended", "username"}
    assert not door.is_in()


def test_a_revoked_token_takes_the_whole_session_along(api: ApiDoor, ben: User) -> None:
    for which in ("access", "refresh"):
        sign_in(api, BEN, PASSWORD)
        api.post("/api/v1/tokens/revoke/", {"token": getattr(api, which)})
        assert not api.is_in()
        assert api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh}).status == 401


# --- 19


@pytest.fixture
def remembered(web: WebDoor, ada: User, post: Post) -> WebDoor:
    """Ada's browser, signed in and remembered."""
    configure(TwoFactor__SkipOptions="device")
    add_factor(ada, kind=FactorKind.EMAIL, origin=Origin(actor=ada), now=timezone.now())
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA), remember="on")
    return web


def is_remembered(user: User) -> bool:
    user.refresh_from_db()
    return any(one.is_remembered(user=user, now=timezone.now()) for one in Browser.objects.filter(user=user))


def test_a_remembered_browser_is_remembered(remembered: WebDoor, ada: User) -> None:
    assert is_remembered(ada)


@pytest.mark.parametrize("end", [disable, lock, give_password, rename, sign_out])
def test_whatever_ends_access_forgets_the_browsers(remembered: WebDoor, ada: User, end: End) -> None:
    assert not isinstance(end(ada), Denied)
    assert not is_remembered(ada)


def test_a_factor_that_is_turned_off_ends_other_sessions_and_forgets_the_browsers(
    web: WebDoor, ben: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__SkipOptions="device")
    add_factor(ben, kind=FactorKind.EMAIL, origin=Origin(actor=ben), now=timezone.now())
    sign_in(web, BEN, PASSWORD)
    web.take("code", code=post.code(BEN), remember="on")
    other = WebDoor()
    clock.forward(seconds=16)
    sign_in(other, BEN, PASSWORD)
    other.take("code", code=post.code(BEN))
    assert other.is_in()
    web.open("/account/security/")
    web.post(f"/account/security/factors/{Factor.objects.get().uid}/remove/")
    assert not is_remembered(ben)
    assert web.is_in()
    assert not other.is_in()


def test_ending_all_other_sessions_forgets_all_other_browsers(
    remembered: WebDoor, ada: User, post: Post, clock: Time
) -> None:
    clock.forward(seconds=16)
    other = WebDoor()
    sign_in(other, ADA, PASSWORD)
    other.take("code", code=post.code(ADA), remember="on")
    other.leave()
    form = remembered.open("/account/sessions/").form_to("/account/sessions/end-others/")
    if form is None:  # it is the only one; another one makes the button appear
        sign_in(other, ADA, PASSWORD)
        form = remembered.open("/account/sessions/").form_to("/account/sessions/end-others/")
    assert form is not None
    remembered.send(form)
    assert not other.is_in()
    clock.forward(seconds=16)
    assert sign_in(other, ADA, PASSWORD).step == "code"


def test_a_copy_of_the_browsers_cookie_does_not_become_a_second_factor(
    web: WebDoor, ada: User, ben: User, cleo: User, post: Post, clock: Time
) -> None:
    """Mallory notes the cookie of a shared computer, or plants one of hers, before Ada has that browser remembered."""
    configure(TwoFactor__SkipOptions="device")
    sign_in(web, BEN, PASSWORD)
    web.leave()
    copy = web.browser.cookies[BROWSER_COOKIE].value
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA), remember="on")
    web.leave()
    elsewhere = WebDoor()
    elsewhere.browser.cookies[BROWSER_COOKIE] = copy
    assert sign_in(web, ADA, PASSWORD).step == "done"
    clock.forward(seconds=16)
    assert sign_in(elsewhere, ADA, PASSWORD).step == "code"
    assert {one.user_id for one in Browser.objects.all()} == {ada.pk, ben.pk}
    # To Ben it is still the browser that he has used.
    assert Browser.objects.values("fingerprint").distinct().count() == 1


# --- within a second, in another process


@pytest.mark.django_db(transaction=True)
def test_another_process_sees_the_end_within_a_second() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the other process is pointed to SQLite's file")
    company = Company.objects.create(name="Acme")
    ben = cast.person(BEN, company=company, role=cast.MEMBER)
    cast.browser(ben)
    session, key = Session.objects.get(), made(ben)
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    other = subprocess.Popen(
        [
            sys.executable,
            Path(__file__).with_name("watcher.py"),
            session.fingerprint,
            str(session.uid),
            key.secret,
        ],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "watching"
        time.sleep(0.4)  # it has cached by now
        sign_out(ben)
        at = time.time()
        said = other.stdout.readline().split()
        assert said[0] == "ended", said
        assert float(said[1]) - at < 1.0
    finally:
        other.kill()
        other.wait()
