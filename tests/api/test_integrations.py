"""Integrations over REST: made, given keys, and what of all that needs a recent proof."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone

from accounts.models import Integration, Session, User
from audit.models import AuditEvent
from core.models import IdempotentAnswer
from tenants.models import Company, Permission, Privilege, Role
from tests.accounts.story import built_in
from tests.accounts.test_bearer import get
from tests.accounts.vouched import EC, RSA, integration_of, pem_of, public_of
from tests.cast import MEMBER, Call, person
from tests.publisher import Publisher

pytestmark = pytest.mark.django_db


def body(**more: Any) -> dict[str, Any]:
    return {"name": "Desk", "ceiling": str(built_in("Agent").uid), "origins": ["https://desk.example"]} | more


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme)


@pytest.fixture
def viewer(acme: Company) -> User:
    """Sees the integrations of Acme and changes nothing."""
    vera = person("vera@acme.example", company=acme, role=MEMBER)
    role = Role.objects.create(name="Watcher", company=acme, rank=60)
    role.privileges.set(Privilege.objects.filter(name="Integrations - View"))
    Permission.objects.create(role=role, kind="integration", reach="own")
    vera.roles.set([role])
    return vera


def test_one_is_made_changed_and_deleted(api: Call, ada: User, acme: Company) -> None:
    door = api(ada)
    answer = door.post("integrations/", body(preset="intercom"))
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer["Location"] == f"/api/v1/integrations/{said['id']}/"
    assert (said["company"], said["preset"], said["lifetime_minutes"]) == (str(acme.uid), "intercom", 60)
    assert (said["origins"], said["jwks_trouble"], said["is_active"]) == (["https://desk.example"], "", True)
    url = f"integrations/{said['id']}/"
    assert door.get(url).json() == said
    assert [one["id"] for one in door.get("integrations/").json()["results"]] == [said["id"]]
    changed = door.patch(url, {"is_active": False, "origins": []}).json()
    assert (changed["is_active"], changed["origins"], changed["name"]) == (False, [], "Desk")
    assert door.get("integrations/?is_active=true").json()["results"] == []
    assert door.delete(url).status_code == 204
    assert door.get(url).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"), ({"ceiling": None}, "ceiling"), ({"ceiling": "x"}, "ceiling"), ({"preset": "slack"}, "preset"),
        ({"lifetime_minutes": 1441}, "lifetime_minutes"), ({"lifetime_minutes": "60"}, "lifetime_minutes"),
        ({"accepts_cobrowse": "yes"}, "accepts_cobrowse"), ({"licence_key": "MINE"}, "licence_key"),
        ({"origins": ["https://*.example"]}, "origins"), ({"origins": "https://desk.example"}, "origins"),
        ({"jwks_url": "file:///etc/passwd"}, "jwks_url"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_its_field(
    api: Call, ada: User, given: dict[str, Any], field: str
) -> None:
    answer = api(ada).post("integrations/", body(**given))
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in answer.json()["errors"])
    assert not Integration.objects.exists()


def test_public_keys_are_added_listed_and_removed(api: Call, ada: User, desk: Integration) -> None:
    door, url = api(ada), f"integrations/{desk.uid}/keys/"
    answer = door.post(url, {"keys": pem_of(EC), "kid": "second"})
    assert answer.status_code == 201, answer.json()
    (added,) = answer.json()["results"]
    assert (added["kid"], added["algorithm"], added["source"]) == ("second", "ES256", "pasted")
    assert added["public"] == dict(public_of(EC).jwk)
    assert [one["kid"] for one in door.get(url).json()["results"]] == [public_of(RSA).kid, "second"]
    assert door.post(url, {"keys": pem_of(EC)}).json()["code"] == "key_exists"
    assert door.delete(f"{url}{added['id']}/").status_code == 204
    assert door.delete(f"{url}{added['id']}/").status_code == 404
    assert desk.keys.count() == 1


def test_the_private_key_is_in_the_one_answer(api: Call, ada: User, ben: User, desk: Integration) -> None:
    answer = api(ada).post(f"integrations/{desk.uid}/keys/generate/", {}, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert said["algorithm"] == "RS256"
    assert said["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    now = int(timezone.now().timestamp())
    claims = {
        "iss": desk.licence_key,
        "aud": "http://127.0.0.1:8000",
        "sub": ben.username,
        "iat": now,
        "exp": now + 60,
    }
    token = jwt.encode(claims, said["private_key"], algorithm="RS256", headers={"kid": said["kid"]})
    assert get(token).status_code == 200
    # Kept nowhere, not even sealed: there is no answer to be had again.
    assert not IdempotentAnswer.objects.exists()
    assert "private_key" not in str(api(ada).get(f"integrations/{desk.uid}/keys/").json())
    assert not any("PRIVATE" in str(row.details) for row in AuditEvent.objects.all())


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", '{"kty": "EC", "d": "AQAB"}']
)
def test_a_private_key_is_refused_and_not_said_again(
    api: Call, ada: User, desk: Integration, text: str
) -> None:
    answer = api(ada).post(f"integrations/{desk.uid}/keys/", {"keys": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "private_key")
    assert "MIIE" not in answer.content.decode()
    assert "AQAB" not in answer.content.decode()


def test_what_makes_somebody_trusted_wants_a_recent_proof_and_what_takes_it_away_does_not(
    api: Call, ada: User, desk: Integration
) -> None:
    door, url = api(ada), f"integrations/{desk.uid}/"
    Session.objects.filter(pk=door.session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for answer in (
        door.post("integrations/", body()),
        door.patch(url, {"name": "Mine"}),
        door.post(f"{url}keys/", {"keys": pem_of(EC)}),
        door.post(f"{url}keys/generate/", {}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first")
    assert door.get(f"{url}keys/").status_code == 200
    key = desk.keys.get()
    assert door.delete(f"{url}keys/{key.uid}/").status_code == 204
    assert door.delete(url).status_code == 204


def test_who_only_sees_changes_nothing_and_reads_no_secret(
    api: Call, viewer: User, desk: Integration
) -> None:
    door, url = api(viewer), f"integrations/{desk.uid}/"
    assert door.get(url).status_code == 200
    assert door.get(f"{url}keys/").status_code == 200
    for answer in (
        door.post("integrations/", body()),
        door.patch(url, {"name": "Mine"}),
        door.post(f"{url}keys/", {"keys": pem_of(EC)}),
        door.post(f"{url}keys/generate/", {}),
        door.post(f"{url}read-keys/", {}),
        door.delete(f"{url}keys/{desk.keys.get().uid}/"),
        door.delete(url),
    ):
        assert answer.status_code == 403, answer.json()


def test_a_key_of_another_integration_is_not_one_of_this(
    api: Call, ada: User, desk: Integration, globex: Company
) -> None:
    theirs = integration_of(globex, keys=(EC,), name="Theirs")
    other = integration_of(desk.company, keys=(EC,), name="Other")
    for key in (theirs.keys.get(), other.keys.get()):
        assert api(ada).delete(f"integrations/{desk.uid}/keys/{key.uid}/").status_code == 404
    assert api(ada).delete(f"integrations/{theirs.uid}/keys/{theirs.keys.get().uid}/").status_code == 404
    assert (theirs.keys.count(), other.keys.count()) == (1, 1)


def test_nobody_reaches_above_himself_by_an_integration(
    api: Call, ada: User, acme: Company, root: User
) -> None:
    door = api(ada)
    answer = door.post("integrations/", body(ceiling=str(built_in("Full Administrator").uid)))
    assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high")
    above = integration_of(acme, ceiling="Full Administrator", name="Above")
    url = f"integrations/{above.uid}/"
    for answer in (
        door.patch(url, {"ceiling": str(built_in("Agent").uid)}),
        door.post(f"{url}keys/", {"keys": pem_of(EC)}),
        door.post(f"{url}keys/generate/", {}),
        door.delete(f"{url}keys/{above.keys.get().uid}/"),
        door.delete(url),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high"), answer.json()


def test_a_role_that_gives_what_one_has_not_is_no_ceiling_either(api: Call, ada: User, acme: Company) -> None:
    role = Role.objects.create(name="Odd", company=acme, rank=1)
    role.privileges.set(Privilege.objects.filter(name="Signing Keys - Manage"))
    answer = api(ada).post("integrations/", body(ceiling=str(role.uid)))
    assert (answer.status_code, answer.json()["code"]) == (403, "privilege_not_held")
    everywhere = Role.objects.create(name="Far", company=acme, rank=1)
    Permission.objects.create(role=everywhere, kind="user", reach="every")
    answer = api(ada).post("integrations/", body(ceiling=str(everywhere.uid)))
    assert (answer.status_code, answer.json()["code"]) == (403, "reach_not_held")


def test_keys_are_read_now_and_the_trouble_is_said(
    api: Call, ada: User, acme: Company, publisher: Publisher
) -> None:
    desk = integration_of(acme, keys=(), jwks_url=publisher.url)
    publisher.says(RSA)
    answer = api(ada).post(f"integrations/{desk.uid}/read-keys/", {})
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["jwks_trouble"], answer.json()["jwks_read_at"] is not None) == ("", True)
    publisher.status = 404
    assert "200" in api(ada).post(f"integrations/{desk.uid}/read-keys/", {}).json()["jwks_trouble"]
    plain = integration_of(acme, name="Plain")
    answer = api(ada).post(f"integrations/{plain.uid}/read-keys/", {})
    assert (answer.status_code, answer.json()["code"]) == (400, "no_key_address")
