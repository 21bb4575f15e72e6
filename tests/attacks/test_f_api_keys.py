"""F. What a key must not reach, whoever has it; and where it counts for nothing (attacks 18–21, 23, 36)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from accounts.companies import change_company
from accounts.ending import sign_out_everywhere
from accounts.middleware import BROWSER_COOKIE, SESSION_COOKIE
from accounts.models import ApiKey, Session, User
from accounts.people import UserDraft, change_user, delete_user, lock_user, set_password
from core import entropy, ratelimit
from core.outcomes import Denied
from login.views import ATTEMPT_COOKIE
from tenants.actor import system_actor
from tenants.models import Company, Privilege, Role
from tenants.rights import SCOPES
from tenants.services import CompanyDraft
from tests import cast
from tests.cast import Api
from tests.keys import made, program

pytestmark = pytest.mark.django_db
EVERY_SCOPE = tuple(SCOPES)


@pytest.fixture(autouse=True)
def full_buckets() -> None:
    """The API's general rate starts afresh with every test."""
    ratelimit.NETWORKS.clear()
    ratelimit.PEOPLE.clear()


@pytest.fixture
def everything(root: User) -> Api:
    """A program with a key of the administrator of everything, for every scope that there is."""
    return program(made(root, scopes=EVERY_SCOPE).secret)


# --- where it counts for nothing


def test_a_key_counts_in_the_header_alone(ada: User) -> None:
    secret = made(ada).secret
    stranger = Api(None)
    for name in ("api_key", "key", "token", "access_token", "Authorization"):
        assert stranger.get(f"me/?{name}={secret}").status_code == 401
        body = json.dumps({name: secret}).encode()
        assert stranger.browser.generic("GET", "/api/v1/me/", body).status_code == 401
    for header in ("X-Api-Key", "X-Authorization", "Api-Key", "Proxy-Authorization"):
        assert stranger.browser.get("/api/v1/me/", headers={header: f"Bearer {secret}"}).status_code == 401
    for scheme in ("Basic", "Token", "ApiKey", "Key"):
        assert (
            stranger.browser.get("/api/v1/me/", headers={"Authorization": f"{scheme} {secret}"}).status_code
            == 401
        )


def test_a_key_is_no_cookie_no_refresh_token_and_no_handle(ada: User) -> None:
    secret = made(ada).secret
    for name in (SESSION_COOKIE, ATTEMPT_COOKIE, BROWSER_COOKIE, "sessionid"):
        browser = Browser()
        browser.cookies[name] = secret
        assert browser.get("/api/v1/me/").status_code == 401
        assert browser.get("/account/").status_code == 302
    stranger = Api(None)
    assert stranger.post("tokens/refresh/", {"refresh_token": secret}).status_code == 401
    for step in ("password", "code", "resend"):
        answer = stranger.post(f"login/{step}/", {"handle": secret, "password": "x", "code": "123456"})
        assert answer.status_code in {400, 401}, step
    assert stranger.post("login/forgotten/consume/", {"token": secret, "code": "12345678"}).status_code == 401


def test_no_other_secret_is_a_key(ada: User) -> None:
    caller = Api(ada)
    browser = cast.browser(ada)
    cookie = browser.cookies[SESSION_COOKIE].value
    others = [caller.tokens["refresh_token"], cookie, entropy.token("key")]
    # Were a fingerprint made without its purpose, a session's secret under the name of a key would do.
    session_secret = entropy.token("key")
    Session.objects.filter(pk=caller.session.pk).update(
        fingerprint=entropy.fingerprint(session_secret, purpose="session")
    )
    others.append(session_secret)
    Session.objects.filter(user=ada, kind="page").update(
        fingerprint=entropy.fingerprint(page_secret := entropy.token("key"), purpose="api-key")
    )
    others.append(page_secret)
    for secret in others:
        assert program(secret).get("me/").status_code == 401, secret[:12]


def test_a_bad_key_does_not_fall_back_to_the_cookie(ada: User) -> None:
    browser = cast.browser(ada)
    answer = browser.get("/api/v1/me/", headers={"Authorization": f"Bearer {entropy.token('key')}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


# --- what it does not reach


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "me/factors/", None),
        ("POST", "me/factors/", {"kind": "totp"}),
        ("POST", "me/password/", {"current_password": "x", "new_password": "a lantern in the harbour 7"}),
        ("GET", "me/email/", None),
        ("POST", "me/email/", {"email": "mallory@evil.example"}),
        ("GET", "me/phone/", None),
        ("POST", "me/phone/", {"phone": "+4915112345678"}),
        ("POST", "me/passkeys/", {"name": "mine"}),
        ("GET", "me/devices/", None),
        ("POST", "me/confirm/", {}),
    ],
)
def test_the_own_account_is_closed_to_a_key(everything: Api, method: str, path: str, body: Any) -> None:
    answer = everything.get(path) if method == "GET" else everything.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/account/", "/account/keys/", "/account/security/", "/admin/", "/"])
def test_no_page_opens_for_a_key(everything: Api, path: str) -> None:
    assert everything.get(path).status_code == 302  # to the sign-in, as for anybody


def test_a_key_makes_no_credential(everything: Api, root: User, ben: User) -> None:
    body = {"name": "another", "scopes": ["users:read"], "days": 366}
    for given in (body, body | {"user": str(root.uid)}, body | {"user": str(ben.uid)}):
        refused = everything.post("api-keys/", given)
        assert (refused.status_code, refused.json()["code"]) == (403, "confirm_first")
        replayed = everything.post("api-keys/", given, {"Idempotency-Key": "k"})
        assert replayed.status_code == 403
    assert ApiKey.objects.count() == 1


def test_a_young_key_is_no_recent_confirmation(everything: Api, root: User) -> None:
    key = ApiKey.objects.get()
    assert key.session.confirmed_at >= key.session.created_at
    assert everything.post("api-keys/", {"name": "x", "scopes": [], "days": 1}).status_code == 403


def test_a_key_for_people_gives_no_more_than_it_holds(root: User, ben: User, ada: User) -> None:
    caller = program(made(root, scopes=["users:read", "users:write", "roles:read"]).secret)
    administrator = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    full = Role.objects.get(name=cast.FULL, company=None)
    for role in (administrator, full):
        refused = caller.patch(f"users/{ben.uid}/", {"roles": [str(role.uid)]})
        assert (refused.status_code, refused.json()["code"]) == (403, "privilege_not_held"), role.name
    new = {"email": "new@acme.example", "display_name": "New", "password": "a lantern in the harbour 7"}
    refused = caller.post("users/", new | {"roles": [str(full.uid)]})
    assert refused.status_code == 403
    # Whoever has more than the key holds, it does not touch: not by password, address or lock.
    assert caller.post(f"users/{ada.uid}/password/", {"password": "two kettles 8 bridge"}).status_code == 403
    assert caller.post(f"users/{ada.uid}/lock/", {"reason": "x"}).status_code == 403
    assert caller.patch(f"users/{ada.uid}/", {"email": "mallory@evil.example"}).status_code == 403
    assert caller.post(f"users/{root.uid}/password/", {"password": "two kettles 8 bridge"}).status_code == 403


def test_a_key_for_roles_gives_no_role_what_it_does_not_hold(root: User, acme: Company) -> None:
    caller = program(made(root, scopes=["roles:read", "roles:write"]).secret)
    role = Role.objects.create(name="Harmless", company=acme, rank=1)
    for privilege in Privilege.objects.filter(application="Gatehouse").exclude(name__startswith="Roles"):
        refused = caller.patch(f"roles/{role.uid}/", {"privileges": [str(privilege.uid)]})
        assert refused.status_code == 403, privilege.name


def test_no_scope_opens_the_administration_or_gives_that_it_opens(everything: Api, acme: Company) -> None:
    assert "Administration - Open" not in {one["name"] for one in everything.get("me/").json()["privileges"]}
    role = Role.objects.create(name="Harmless", company=acme, rank=1)
    opens = Privilege.objects.get(name="Administration - Open")
    assert everything.patch(f"roles/{role.uid}/", {"privileges": [str(opens.uid)]}).status_code == 403


def test_a_key_of_one_company_finds_nothing_of_another(ada: User, cleo: User, globex: Company) -> None:
    caller = program(made(ada, scopes=EVERY_SCOPE).secret)
    foreign = made(cleo)
    for path in (
        f"users/{cleo.uid}/",
        f"companies/{globex.uid}/",
        f"api-keys/{foreign.uid}/",
        f"sessions/{foreign.session.uid}/",
    ):
        assert caller.get(path).status_code == 404, path
        assert caller.delete(path).status_code == 404, path
    assert caller.post("tokens/introspect/", {"token": foreign.secret}).json() == {"active": False}


def test_a_key_with_a_scope_for_sessions_alone_ends_nothing_of_whoever_has_more(
    root: User, ada: User
) -> None:
    caller = program(made(root, scopes=["sessions:read", "sessions:write"]).secret)
    victim = made(ada)
    assert caller.get(f"sessions/{victim.session.uid}/").status_code == 200
    assert caller.delete(f"sessions/{victim.session.uid}/").status_code == 403


def test_a_key_without_a_scope_for_them_sees_not_even_its_own_sessions_and_keys(ada: User) -> None:
    key = made(ada, scopes=["users:read"])
    caller = program(key.secret)
    assert caller.get("sessions/").status_code == 403
    assert caller.get(f"sessions/{key.session.uid}/").status_code in {403, 404}
    assert caller.get("api-keys/").status_code == 403
    assert caller.delete(f"api-keys/{key.uid}/").status_code in {403, 404}


def test_who_may_see_keys_sees_no_secret_and_asks_for_none(ada: User) -> None:
    key = made(ada, scopes=["api-keys:read", "audit-events:read", "deliveries:read", "sessions:read"])
    caller, page = Api(ada), cast.browser(ada)
    seen = [
        reader.get(path).content.decode()
        for reader in (caller, program(key.secret))
        for path in ("api-keys/", f"api-keys/{key.uid}/", "sessions/", "audit-events/", "deliveries/", "me/")
    ] + [
        page.get(path).content.decode()
        for path in ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{key.pk}/change/", "/account/keys/")
    ]
    for text in seen:
        assert key.secret not in text
        assert key.session.fingerprint not in text
    for asked in ("fingerprint", "session__fingerprint__startswith", "hint__startswith"):
        assert caller.get(f"api-keys/?{asked}=a").status_code == 400
        assert page.get(f"/admin/accounts/apikey/?{asked}=a").status_code in {302, 400}


def test_a_key_is_given_no_answer_that_was_kept_for_its_person(root: User) -> None:
    body = {"email": "new@acme.example", "display_name": "New", "password": "a lantern in the harbour 7"}
    headers = {"Idempotency-Key": "one"}
    assert Api(root).post("users/", body, headers).status_code == 201
    assert Api(root).post("users/", body, headers).headers["Idempotency-Replayed"] == "true"
    caller = program(made(root, scopes=["users:read", "users:write"]).secret)
    assert caller.post("users/", body, headers).json()["code"] == "name_taken"


# --- when it ends


def now() -> dict[str, Any]:
    return {"by": system_actor(), "now": timezone.now()}


@pytest.mark.parametrize(
    "end",
    [
        lambda user: change_user(user, UserDraft(is_active=False), **now()),
        lambda user: lock_user(user, reason="seen elsewhere", **now()),
        lambda user: delete_user(user, **now()),
        lambda user: set_password(user, "two kettles under the bridge 8", must_change=False, **now()),
        lambda user: sign_out_everywhere(user, **now()),
        lambda user: change_user(user, UserDraft(email="other@acme.example"), **now()),
        lambda user: change_company(user.company, CompanyDraft(is_active=False), **now()),
    ],
    ids=["disabled", "locked", "deleted", "password", "signed out", "renamed", "company off"],
)
def test_what_ends_a_persons_access_ends_the_keys(ben: User, end: Callable[[User], Any]) -> None:
    key = made(ben)
    caller = program(key.secret)
    assert caller.get("me/").status_code == 200
    assert not isinstance(end(ben), Denied)
    assert caller.get("me/").status_code == 401
    assert not Session.objects.filter(pk=key.session.pk, ended_at=None).exists()


def test_a_key_does_not_come_back_with_its_person(ben: User) -> None:
    caller = program(made(ben).secret)
    change_user(ben, UserDraft(is_active=False), **now())
    change_user(ben, UserDraft(is_active=True), **now())
    assert caller.get("me/").status_code == 401


def test_a_role_that_is_taken_is_gone_from_the_key_at_once(ada: User) -> None:
    caller = program(made(ada).secret)
    assert caller.get("users/").status_code == 200
    change_user(ada, UserDraft(roles=[]), **now())
    assert caller.get("users/").status_code == 403


def test_a_role_that_newly_asks_for_a_second_factor_ends_the_keys(ben: User) -> None:
    caller = program(made(ben, scopes=[]).secret)
    asks = Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)
    assert asks.twofactor_policy == "required"
    change_user(ben, UserDraft(roles=[asks]), **now())
    assert caller.get("me/").status_code == 401


def test_a_key_ends_to_the_second_though_nobody_cleans_up(ben: User) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 9, 0, tzinfo=UTC), tick=False) as clock:
        key = made(ben, days=1)
        caller = program(key.secret)
        clock.shift(86_399)
        assert caller.get("me/").status_code == 200
        clock.shift(1)
        assert caller.get("me/").status_code == 401
        assert Session.objects.get(pk=key.session.pk).ended_at is None
        assert caller.post("tokens/introspect/", {"token": key.secret}).status_code == 401


# --- 36


def test_a_key_is_found_by_a_keyed_fingerprint_and_compared_nowhere(ada: User) -> None:
    key = made(ada)
    near = key.secret[:-1] + ("A" if key.secret[-1] != "A" else "B")
    for wrong in (near, key.secret.swapcase(), key.secret + " x", " " + key.secret[:-1]):
        assert program(wrong).get("me/").status_code == 401
