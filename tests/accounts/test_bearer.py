"""Tokens of integrations as bearers: one session each, that ends for good, and never more than role, ceiling and policy allow."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from accounts import bearer
from accounts.ending import sign_out_everywhere
from accounts.housekeeping import prune
from accounts.models import Integration, Session, SessionKind, SpentToken, User
from accounts.people import UserDraft, change_user, delete_user, lock_user
from accounts.principal import principal_of_session
from accounts.sessions import end_sessions, start_session
from accounts.vouching import Verified, person_once, verified
from audit.record import Origin
from tenants.models import Company, Role
from tests import cast
from tests.accounts.story import HERE
from tests.accounts.vouched import EC, RSA, integration_of, token_of
from tests.cast import acting
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme, keys=(RSA, EC))


def get(token: str, path: str = "me/", **more: Any) -> HttpResponse:
    return Browser().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token}"}, **more)


def fresh(desk: Integration, **more: Any) -> str:
    return token_of(desk, now=timezone.now(), **more)


def test_the_bearer_is_the_person_that_the_token_names(desk: Integration, ben: User) -> None:
    answer = get(fresh(desk, sub=ben.username))
    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["username"] == ben.username
    session = Session.objects.get()
    assert (session.kind, session.user, session.integration) == (SessionKind.JWT, ben, desk)
    assert session.methods == ["fed"]


def test_introspection_tells_of_a_bearer_to_whom_it_concerns(
    desk: Integration, root: User, ben: User
) -> None:
    token, rosa = fresh(desk, sub=ben.username), cast.Api(root)
    asked = {"token": token}
    assert rosa.post("tokens/introspect/", asked).json() == {"active": False}  # not used here yet
    assert get(token).status_code == 200
    told = rosa.post("tokens/introspect/", asked).json()
    session = Session.objects.get(kind=SessionKind.JWT)
    assert (told["active"], told["iss"]) == (True, desk.licence_key)
    assert (told["token_type"], told["username"], told["sid"]) == ("Bearer", ben.username, str(session.uid))
    assert told["exp"] == int(session.expires_at.timestamp())
    end_sessions([session], reason="revoked", origin=Origin(), now=timezone.now())
    assert rosa.post("tokens/introspect/", asked).json() == {"active": False}


def test_one_token_is_one_session_and_costs_nothing_once_it_is_known(
    desk: Integration, ben: User, django_assert_num_queries: Any
) -> None:
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    # The version of the session's row and of the one of its person's rules, which a process reads by itself a few times a second.
    with django_assert_num_queries(1):
        assert get(token).status_code == 200
    assert Session.objects.count() == 1


def test_a_session_that_ended_never_comes_back_not_even_with_another_signature(
    desk: Integration, ben: User
) -> None:
    now = timezone.now()
    token = token_of(desk, now=now, sub=ben.username, key=EC)
    assert get(token).status_code == 200
    end_sessions(Session.objects.select_related("user"), reason="revoked", origin=Origin(), now=now)
    assert get(token).status_code == 401
    again = with_other_signature(token)
    assert again != token
    assert get(again).status_code == 401
    assert Session.objects.count() == 1


def with_other_signature(token: str) -> str:
    """The same token with the other signature that ECDSA has for it (r, n - s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed, _dot, tail = token.rpartition(".")
    raw = base64.urlsafe_b64decode(tail + "==")
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    return f"{signed}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}"


# --- what ends it ----------------------------------------------------------------------------------------------------------


def test_whoever_is_locked_disabled_or_moved_is_out_at_once(
    desk: Integration, ben: User, ada: User, root: User, globex: Company
) -> None:
    for change in ({"is_active": False}, {"company": globex, "roles": []}):
        token = fresh(desk, sub=ben.username, jti=str(change))
        assert get(token).status_code == 200
        assert isinstance(change_user(ben, UserDraft(**change), by=acting(root), now=timezone.now()), User)
        assert get(token).status_code == 401
        back = {
            "is_active": True,
            "company": desk.company,
            "roles": [Role.objects.get(name="Member", company=None)],
        }
        assert isinstance(change_user(ben, UserDraft(**back), by=acting(root), now=timezone.now()), User)
        ben.refresh_from_db()
        assert get(token).status_code == 401  # what ended does not come back
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    assert lock_user(ben, reason="lost", by=acting(ada), now=timezone.now()) is None
    assert get(token).status_code == 401


def test_whoever_rises_above_the_ceiling_is_out_at_once(acme: Company, root: User) -> None:
    desk = integration_of(acme, ceiling="Agent", name="Low")
    eve = cast.person("eve@acme.example", company=acme, role=cast.AGENT)
    tokens = [fresh(desk, sub=eve.username), fresh(desk, sub=eve.username, role="agent")]
    assert [get(token).status_code for token in tokens] == [200, 200]
    higher = UserDraft(roles=[Role.objects.get(name="Company Administrator", company=None)])
    assert isinstance(change_user(eve, higher, by=acting(root), now=timezone.now()), User)
    # Also where the token names the lower role: it is the account that must not be reached from below.
    assert [get(token).status_code for token in tokens] == [401, 401]


def test_a_person_who_was_deleted_is_not_brought_back_by_an_old_token(desk: Integration, ada: User) -> None:
    token = fresh(desk, sub="new@acme.example")
    assert get(token).status_code == 200
    made = User.objects.get(username="new@acme.example")
    assert delete_user(made, by=acting(ada), now=timezone.now()) is None
    assert get(token).status_code == 401
    bearer._begun.clear()  # as in another process
    assert get(token).status_code == 401
    assert not User.objects.filter(username="new@acme.example").exists()


def test_a_new_password_or_an_end_of_all_sessions_ends_it(desk: Integration, ben: User, ada: User) -> None:
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    assert sign_out_everywhere(ben, by=acting(ada), now=timezone.now()) is None
    assert get(token).status_code == 401


def test_whoever_holds_it_can_revoke_it(desk: Integration, ben: User, api: cast.Call) -> None:
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    assert api(None).post("tokens/revoke/", {"token": token}).status_code == 200
    assert get(token).status_code == 401
    assert Session.objects.get().ended_reason == "revoked"
    # One that was never used begins nothing, and ends nothing.
    unused = fresh(desk, sub=ben.username, jti="unused")
    assert api(None).post("tokens/revoke/", {"token": unused}).status_code == 200
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_first_uses_at_once_are_one_session(desk: Integration) -> None:
    token, answers = fresh(desk, sub="new@acme.example"), list[int]()
    in_parallel(12, lambda _n: answers.append(get(token).status_code))
    assert answers == [200] * 12
    assert Session.objects.count() == User.objects.filter(username="new@acme.example").count() == 1


def test_in_another_process_it_is_the_same_session(desk: Integration, ben: User) -> None:
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    bearer._begun.clear()
    assert get(token).status_code == 200
    assert Session.objects.count() == 1


def test_it_lives_as_long_as_the_token_whatever_the_settings_say_of_pages(
    desk: Integration, ben: User
) -> None:
    now = timezone.now()
    assert (
        get(token_of(desk, now=now, sub=ben.username, exp=int(now.timestamp()) + 80_000)).status_code == 200
    )
    session = Session.objects.get()
    assert session.expires_at - now > timedelta(hours=22)


# --- what it may ---------------------------------------------------------------------------------------------------------------


def rights(token: str) -> set[str]:
    return {one["name"] for one in get(token).json()["privileges"] if one["application"] == "Gatehouse"}


WHOLE = {"version": 3, "*": {}}
OF_COBROWSE = {"Co-browse Sessions - View", "Co-browse Sessions - End"}


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({}, OF_COBROWSE),  # without a policy, who it is, and what it is for
        ({"policy": {}}, set()),
        ({"policy": {"version": 3}}, set()),
        ({"policy": {"version": 3, "users": {}}}, {"Users - View", "Users - Manage"}),
        ({"policy": {"version": 3, "users": {"permissions": ["read"]}}}, {"Users - View"}),
        ({"policy": {"version": 3, "users": {"id": "1"}}}, set()),  # one object is not all of them
        ({"policy": {"version": 2, "users": {}}}, {"Users - View", "Users - Manage"}),
        ({"policy": {"users": {}}}, {"Users - View", "Users - Manage"}),
        (
            {"policy": {"version": 3, "sessions": {}}},  # those of co-browse
            OF_COBROWSE,
        ),
        ({"policy": {"version": 3, "sign-ins": {}}}, {"Sessions - View", "Sessions - End"}),
        ({"policy": {"version": 3, "features": {"permissions": ["read"]}}}, {"Settings - View"}),
        (
            {"policy": {"version": 3, "signing-keys": {}, "companies": {}}},
            {"Companies - View"},
        ),  # no more than the role has
    ],
)
def test_the_policy_says_what_of_the_role_is_open(
    desk: Integration, ada: User, given: dict[str, Any], allowed: set[str]
) -> None:
    assert rights(fresh(desk, sub=ada.username, **given)) == allowed


def test_a_role_that_is_null_leaves_the_policy_alone_and_the_ceiling_bounds_it(
    acme: Company, ben: User
) -> None:
    high, low = integration_of(acme), integration_of(acme, ceiling="Agent", name="Low")
    given = {"sub": ben.username, "role": None, "policy": {"version": 3, "users": {}, "signing-keys": {}}}
    assert rights(fresh(high, **given)) == {"Users - View", "Users - Manage"}
    assert rights(fresh(low, **given)) == set()
    assert rights(fresh(high, sub=ben.username, role=None, jti="no policy")) == set()


def test_a_role_in_the_token_counts_instead_of_the_person_s_own(
    desk: Integration, ben: User, ada: User
) -> None:
    policy = {"version": 3, "users": {}, "audit-events": {}}
    higher = fresh(desk, sub=ben.username, role="administrator", policy=policy)
    assert "Users - Manage" in rights(higher)
    assert get(higher).json()["roles"] == ["Company Administrator"]
    assert rights(fresh(desk, sub=ada.username, role="agent", policy=policy)) == set()


def test_it_never_opens_the_account_the_administration_or_what_makes_new_ways_in(
    desk: Integration, ada: User
) -> None:
    token = fresh(desk, sub=ada.username, policy=WHOLE)
    headers = {"Authorization": f"Bearer {token}"}
    assert get(token, "users/").status_code == 200
    for path in ("me/factors/", "me/devices/", "me/email/", "me/phone/"):
        assert get(token, path).status_code == 403, path
    for path in ("me/confirm/", "me/factors/", "me/password/", "me/passkeys/", "me/email/"):
        answer = Browser().post(f"/api/v1/{path}", {}, content_type="application/json", headers=headers)
        assert answer.status_code == 403, path
    for path in ("/account/", "/account/security/", "/admin/", "/admin/accounts/user/"):
        answer = Browser().get(path, headers=headers)
        assert answer.status_code in {302, 404}, path
        assert answer.status_code == 404 or answer["Location"].startswith(("/login/", "/admin/login/"))
    # Within its first minutes, too: nobody has proved who he is.
    body = {"name": "Another", "ceiling": str(desk.ceiling.uid)}
    for path, given in (
        ("integrations/", body),
        (f"integrations/{desk.uid}/keys/", {"keys": "x"}),
        (f"integrations/{desk.uid}/keys/generate/", {}),
    ):
        answer = Browser().post(f"/api/v1/{path}", given, content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first"), path


def test_it_sees_no_other_company(desk: Integration, ada: User, cleo: User) -> None:
    token = fresh(desk, sub=ada.username, policy=WHOLE)
    assert get(token, f"users/{cleo.uid}/").status_code == 404
    assert get(token, f"users/{ada.uid}/").status_code == 200
    assert cleo.username not in get(token, "users/").content.decode()


def page_rights(desk: Integration, ben: User, **claims: Any) -> tuple[bool, frozenset[tuple[str, str]]]:
    """Whether a page session that began with such a token is bounded, and its privileges."""
    now = timezone.now()
    found = verified(fresh(desk, sub=ben.username, jti=str(claims), **claims), address="", now=now)
    assert isinstance(found, Verified)
    started = start_session(
        ben, kind=SessionKind.PAGE, methods=["fed"], client=HERE, browser=None, now=now, vouched=found.vouched
    )
    assert started is not None
    principal = principal_of_session(str(started[0].uid))
    assert principal is not None
    return principal.is_bounded, principal.rights.privileges


def test_a_page_that_a_token_without_a_role_opened_has_nothing_but_its_policy(
    desk: Integration, ben: User
) -> None:
    assert page_rights(desk, ben, role=None) == (True, frozenset())
    bounded, privileges = page_rights(
        desk, ben, role=None, policy={"version": 3, "users": {"permissions": ["read"]}}
    )
    assert (bounded, {name for _application, name in privileges}) == (True, {"Users - View"})
    assert page_rights(desk, ben)[0] is False  # his own sign-in, by another way


def test_whoever_changes_the_root_keys_brings_no_token_back(
    desk: Integration, ben: User, settings: Any
) -> None:
    token = fresh(desk, sub=ben.username)
    assert get(token).status_code == 200
    end_sessions(
        Session.objects.select_related("user"), reason="revoked", origin=Origin(), now=timezone.now()
    )
    old = settings.FIELD_KEYS
    for keys in ("k2:" + "B" * 43 + "=," + old, "k2:" + "B" * 43 + "="):
        settings.FIELD_KEYS = keys
        bearer._begun.clear()
        assert get(token).status_code == 401
    assert Session.objects.count() == 1


def test_what_tokens_began_and_spent_is_forgotten_in_its_time(desk: Integration, ben: User) -> None:
    now = timezone.now()
    assert get(fresh(desk, sub=ben.username)).status_code == 200
    found = verified(fresh(desk, sub=ben.username, jti="x"), address="", now=now)
    assert isinstance(found, Verified)
    assert person_once(found, address="", now=now) == ben
    prune(now=now + timedelta(minutes=10))
    assert (Session.objects.count(), SpentToken.objects.count()) == (1, 2)  # they could hold still
    prune(now=now + timedelta(minutes=12))
    assert (Session.objects.count(), SpentToken.objects.count()) == (1, 0)
    prune(now=now + timedelta(days=31))
    assert Session.objects.count() == 0
