"""Signing keys over REST: which there are, what each has signed, and the way to another one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import SessionKind, SigningKey, User
from audit.models import AuditEvent
from core import epoch
from core.db import unit
from tenants.models import Kind, Privilege, Reach, Role
from tests.cast import Call, person

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_the_keys_are_listed_with_what_they_signed_and_without_what_they_sign_with(
    api: Call, root: User
) -> None:
    program = api(root)
    (said,) = program.get("signing-keys/").json()["results"]
    assert set(said) == {
        "id", "number", "kid", "state", "published_at", "active_from", "active_until", "holds_until", "revoked_at", "public", "signed",
    }  # fmt: skip
    assert (said["number"], said["state"], said["active_until"], said["revoked_at"]) == (
        1,
        "active",
        None,
        None,
    )
    assert (said["signed"]["tokens"], said["signed"]["sessions"]) == (1, 1)
    assert said["signed"]["last_at"] is not None
    assert set(said["public"]) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert program.get(f"signing-keys/{said['id']}/").json() == said
    key = SigningKey.objects.get()
    assert key.private.text
    assert key.private.text not in program.get("signing-keys/").content.decode()


def test_rotating_gives_the_key_that_signs_from_now_on(api: Call, root: User) -> None:
    program = api(root)
    answer = program.post("signing-keys/rotate/")
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["number"], answer.json()["state"]) == (2, "active")
    states = {one["number"]: one["state"] for one in program.get("signing-keys/").json()["results"]}
    assert states == {1: "retired", 2: "active"}
    assert program.get("me/").status_code == 200
    shown = [one["kid"] for one in api(None).get("/.well-known/jwks.json").json()["keys"]]
    assert shown == [one["kid"] for one in program.get("signing-keys/").json()["results"]]


def test_a_revoked_key_ends_its_access_tokens_and_no_session(api: Call, root: User, ada: User) -> None:
    program, asker = api(ada), api(root)
    (said,) = asker.get("signing-keys/").json()["results"]
    answer = asker.post(f"signing-keys/{said['id']}/revoke/")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["state"] == "revoked"
    assert program.get("me/").status_code == 401
    assert asker.get("me/").status_code == 401
    pair = program.post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]})
    assert pair.status_code == 200
    program.headers["Authorization"] = f"Bearer {pair.json()['access_token']}"
    assert program.get("me/").status_code == 200
    again = api(root).post(f"signing-keys/{said['id']}/revoke/")
    assert (again.status_code, again.json()["code"]) == (409, "not_live")
    shown = api(None).get("/.well-known/jwks.json").json()["keys"]
    assert [one["kid"] for one in shown] == [SigningKey.objects.get(number=2).kid]


def test_a_change_wants_a_recent_confirmation(api: Call, root: User) -> None:
    program, key = api(root), SigningKey.objects.get()
    root.sessions.update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for path in ("signing-keys/rotate/", f"signing-keys/{key.uid}/revoke/"):
        answer = program.post(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first"), path
    key.refresh_from_db()
    assert key.revoked_at is None
    assert SigningKey.objects.count() == 1


def test_a_program_with_a_key_may_look_and_never_changes_anything(api: Call, root: User) -> None:
    program, key = api(root), SigningKey.objects.get()
    with unit():
        root.sessions.update(
            kind=SessionKind.KEY, grant={"scopes": ["signing-keys:read", "signing-keys:write"]}
        )
        epoch.bump()
    assert program.get("signing-keys/").status_code == 200
    for path in ("signing-keys/rotate/", f"signing-keys/{key.uid}/revoke/"):
        answer = program.post(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first"), path
    assert SigningKey.objects.get().revoked_at is None


def test_who_may_only_look_changes_nothing_and_it_is_written_down(api: Call, root: User) -> None:
    looker = Role.objects.create(name="Onlooker", rank=90)
    looker.privileges.add(Privilege.objects.get(name="Signing Keys - View"))
    looker.permissions.create(kind=Kind.ALL, reach=Reach.EVERY)
    vera = person("vera@portal.example", company=None, role="Member")
    vera.roles.add(looker)
    program, key = api(vera), SigningKey.objects.get()
    assert program.get("signing-keys/").status_code == 200
    for path in ("signing-keys/rotate/", f"signing-keys/{key.uid}/revoke/"):
        assert program.post(path).status_code == 403, path
    assert AuditEvent.objects.filter(event="portal:change:refused", actor_uid=vera.uid).count() == 2


def test_for_a_company_there_are_none(api: Call, ada: User, ben: User) -> None:
    key = SigningKey.objects.get()
    for who in (ada, ben):
        program = api(who)
        assert program.get("signing-keys/").status_code in {200, 403}
        assert program.get(f"signing-keys/{key.uid}/").status_code == 404
        assert program.post("signing-keys/rotate/").status_code == 403
        assert program.post(f"signing-keys/{key.uid}/revoke/").status_code == 404
    assert api(None).get("signing-keys/").status_code == 401


def test_nonsense_is_refused(api: Call, root: User) -> None:
    program = api(root)
    assert program.post("signing-keys/rotate/", {"bits": 4_096}).status_code == 400
    assert program.post(f"signing-keys/{NOBODY}/revoke/").status_code == 404
    assert program.delete(f"signing-keys/{SigningKey.objects.get().uid}/").status_code == 405
    assert program.post("signing-keys/", {"kid": "mine"}).status_code == 405


def test_the_published_keys_may_be_held_for_less_time_than_a_new_one_waits(api: Call) -> None:
    answer = api(None).get("/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
