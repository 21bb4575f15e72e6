"""The verbs on the keys of integrations, and the reading of those that are published, from a real server."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from accounts.integrations import add_keys, generate_key, read_keys, remove_key
from accounts.integrations.keys import NewKey
from accounts.integrations.reading import read_due, trouble_of
from accounts.models import Integration, IntegrationKey, KeySource, Session, User
from audit.events import Event
from audit.models import AuditEvent
from core.outcomes import Denied
from tenants.models import Company
from tests.accounts.story import code, events
from tests.accounts.test_bearer import get
from tests.accounts.vouched import (
    EC,
    ED,
    OTHER_RSA,
    RSA,
    add_key,
    integration_of,
    pem_of,
    public_of,
    token_of,
)
from tests.cast import acting
from tests.publisher import Publisher

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme, keys=())


def add(desk: Integration, user: User, text: str, **more: Any) -> list[IntegrationKey] | Denied:
    return add_keys(desk, text, by=acting(user), now=timezone.now(), **more)


# --- putting in and taking out ---------------------------------------------------------------------------------------------


def test_keys_that_are_put_in_are_trusted_and_written_down(desk: Integration, ada: User, ben: User) -> None:
    added = add(desk, ada, pem_of(RSA) + pem_of(EC))
    assert isinstance(added, list)
    assert [(key.algorithm, key.source) for key in added] == [("RS256", "pasted"), ("ES256", "pasted")]
    for key in (RSA, EC):
        assert get(token_of(desk, now=timezone.now(), key=key, sub=ben.username)).status_code == 200
    rows = AuditEvent.objects.filter(event=Event.INTEGRATION_KEY_ADDED)
    assert {row.details["kid"] for row in rows} == {key.kid for key in added}
    assert {row.subject_uid for row in rows} == {str(desk.uid)}


def test_the_same_key_or_id_is_not_taken_twice(desk: Integration, ada: User) -> None:
    assert isinstance(add(desk, ada, pem_of(RSA), kid="one"), list)
    assert code(add(desk, ada, pem_of(RSA), kid="two")) == "key_exists"
    assert code(add(desk, ada, pem_of(EC), kid="one")) == "key_exists"
    assert desk.keys.count() == 1


def test_an_eleventh_key_is_one_too_many(desk: Integration, ada: User) -> None:
    for number in range(10):
        public = dict(public_of(RSA).jwk) | {"n": public_of(RSA).jwk["n"][:-2] + f"{number:02}"}
        IntegrationKey.objects.create(
            integration=desk,
            kid=str(number),
            algorithm="RS256",
            public=public,
            source="pasted",
            created_at=timezone.now(),
        )
    assert code(add(desk, ada, pem_of(EC))) == "too_many_keys"


def test_a_private_key_is_refused_and_comes_to_lie_nowhere(desk: Integration, ada: User) -> None:
    pem = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    result = add(desk, ada, pem)
    assert code(result) == "private_key"
    assert pem[40:80] not in str(result)
    assert not desk.keys.exists()
    assert events(Event.INTEGRATION_KEY_ADDED) == []


def test_the_private_half_of_a_new_pair_is_in_the_answer_and_nowhere_else(
    desk: Integration, ada: User, ben: User
) -> None:
    import jwt

    for algorithm in ("RS256", "ES256"):
        made = generate_key(desk, algorithm, by=acting(ada), now=timezone.now())
        assert isinstance(made, NewKey)
        assert (made.key.algorithm, made.key.source) == (algorithm, KeySource.GENERATED)
        claims = {
            "iss": desk.licence_key, "aud": "http://127.0.0.1:8000", "sub": ben.username,
            "iat": int(timezone.now().timestamp()), "exp": int(timezone.now().timestamp()) + 60,
        }  # fmt: skip
        token = jwt.encode(claims, made.private_pem, algorithm=algorithm, headers={"kid": made.key.kid})
        assert get(token).status_code == 200
        assert made.private_pem not in repr(made)
        assert set(made.key.public) <= {"kty", "n", "e", "crv", "x", "y"}
    for row in AuditEvent.objects.filter(event=Event.INTEGRATION_KEY_ADDED):
        assert "PRIVATE" not in str(vars(row))
    assert code(generate_key(desk, "HS256", by=acting(ada), now=timezone.now())) == "invalid"


def test_a_key_that_is_removed_opens_nothing_and_its_sessions_end(
    desk: Integration, ada: User, ben: User
) -> None:
    first, second = add_key(desk, RSA), add_key(desk, EC)
    one, other = (token_of(desk, now=timezone.now(), key=key, sub=ben.username) for key in (RSA, EC))
    assert (get(one).status_code, get(other).status_code) == (200, 200)
    assert remove_key(first, by=acting(ada), now=timezone.now()) is None
    assert (get(one).status_code, get(other).status_code) == (401, 200)
    assert [session.ended_reason for session in Session.objects.order_by("id")] == ["key_removed", ""]
    assert list(desk.keys.all()) == [second]
    fresh = token_of(desk, now=timezone.now(), key=RSA, sub=ben.username, jti="fresh")
    assert get(fresh).status_code == 401
    assert code(remove_key(first, by=acting(ada), now=timezone.now())) == "not_found"


def test_keys_of_an_integration_above_oneself_or_elsewhere_are_left_alone(
    acme: Company, ada: User, cleo: User
) -> None:
    above = integration_of(acme, ceiling="Full Administrator", name="Above")
    now = timezone.now()
    for user, refused in ((ada, "rank_too_high"), (cleo, "not_found")):
        by = acting(user)
        assert code(add_keys(above, pem_of(EC), by=by, now=now)) == refused
        assert code(generate_key(above, "ES256", by=by, now=now)) == refused
        assert code(remove_key(above.keys.get(), by=by, now=now)) == refused
        assert code(read_keys(above, by=by, now=now)) == refused
    assert above.keys.count() == 1


# --- reading ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(acme: Company, publisher: Publisher) -> Integration:
    return integration_of(acme, keys=(), jwks_url=publisher.url)


def read(desk: Integration, user: User) -> Integration | Denied:
    return read_keys(desk, by=acting(user), now=timezone.now())


def kids(desk: Integration) -> set[str]:
    return {key.kid for key in desk.keys.all()}


def test_published_keys_come_and_go_and_take_their_sessions_along(
    published: Integration, publisher: Publisher, ada: User, ben: User
) -> None:
    publisher.says(RSA, EC)
    assert isinstance(read(published, ada), Integration)
    assert kids(published) == {public_of(RSA).kid, public_of(EC).kid}
    assert {key.source for key in published.keys.all()} == {KeySource.READ}
    token = token_of(published, now=timezone.now(), sub=ben.username)
    assert get(token).status_code == 200
    publisher.says(EC, ED)
    result = read(published, ada)
    assert isinstance(result, Integration)
    assert kids(published) == {public_of(EC).kid, public_of(ED).kid}
    assert result.jwks_trouble == ""
    assert result.jwks_read_at is not None
    assert get(token).status_code == 401
    assert Session.objects.get().ended_reason == "key_removed"


def test_keys_that_were_put_in_stay_beside_those_that_are_read(
    published: Integration, publisher: Publisher, ada: User
) -> None:
    add_key(published, OTHER_RSA)
    publisher.says(RSA, OTHER_RSA)
    read(published, ada)
    publisher.says(EC)
    read(published, ada)
    assert kids(published) == {public_of(OTHER_RSA).kid, public_of(EC).kid}


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (500, b"", "STATUS"),
        (302, b"", "STATUS"),
        (200, b"<html>", "UNREADABLE"),
        (200, b'{"keys": []}', "UNREADABLE"),
        (200, b"\xff\xfe", "UNREADABLE"),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "UNREADABLE"),
        (200, b'{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}]}', "PRIVATE"),
        (200, b" " * 70_000, "TOO_LARGE"),
    ],
)
def test_when_reading_fails_the_old_keys_stay_and_the_trouble_is_shown(
    published: Integration, publisher: Publisher, ada: User, status: int, body: bytes, trouble: str
) -> None:
    publisher.says(RSA)
    read(published, ada)
    before = Integration.objects.get(pk=published.pk).jwks_read_at
    publisher.status, publisher.body = status, body
    result = read(published, ada)
    assert isinstance(result, Integration)
    assert (result.jwks_trouble, result.jwks_read_at) == (trouble, before)
    assert trouble_of(result)
    assert kids(published) == {public_of(RSA).kid}
    publisher.says(EC)
    result = read(published, ada)
    assert isinstance(result, Integration)
    assert (result.jwks_trouble, trouble_of(result), kids(published)) == ("", "", {public_of(EC).kid})


def test_an_address_in_a_closed_network_is_not_asked(
    published: Integration, publisher: Publisher, ada: User, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW = []
    result = read(published, ada)
    assert isinstance(result, Integration)
    assert (result.jwks_trouble, publisher.asked) == ("SHUT", 0)


def test_keys_of_other_kinds_and_uses_are_passed_over(
    published: Integration, publisher: Publisher, ada: User
) -> None:
    others = [
        {**public_of(EC).jwk, "kid": "enc", "use": "enc"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "large"},
        {**public_of(OTHER_RSA).jwk, "kid": "ps", "alg": "PS256"},
    ]
    publisher.says(RSA, also=others)
    read(published, ada)
    assert kids(published) == {public_of(RSA).kid}


def test_the_clock_reads_what_is_due_and_nothing_else(published: Integration, publisher: Publisher) -> None:
    publisher.says(RSA)
    now = timezone.now()
    assert (read_due(now=now), read_due(now=now + timedelta(minutes=59))) == (1, 0)
    assert read_due(now=now + timedelta(hours=1)) == 1
    publisher.status = 500
    assert read_due(now=now + timedelta(hours=2)) == 1
    assert read_due(now=now + timedelta(hours=2, minutes=9)) == 0
    assert read_due(now=now + timedelta(hours=2, minutes=10)) == 1  # sooner, after it failed
    Integration.objects.update(is_active=False)
    assert read_due(now=now + timedelta(days=1)) == 0


def test_a_key_that_is_not_known_yet_is_read_soon_but_not_for_every_token(
    published: Integration, publisher: Publisher, ben: User
) -> None:
    publisher.says(RSA)
    now = timezone.now()
    read_due(now=now - timedelta(minutes=2))
    publisher.says(RSA, EC)
    rotated = token_of(published, now=now, key=EC, sub=ben.username, headers=None)
    import jwt

    header = {"kid": public_of(EC).kid}
    claims = jwt.decode(rotated, options={"verify_signature": False})
    rotated = jwt.encode(claims, EC, algorithm="ES256", headers=header)
    assert get(rotated).status_code == 401
    assert publisher.asked == 1  # nobody calls out while somebody waits for his page
    assert read_due(now=now) == 1
    assert get(rotated).status_code == 200
    unknown = jwt.encode(claims, ED, algorithm="EdDSA", headers={"kid": "nobody's"})
    assert get(unknown).status_code == 401
    assert read_due(now=now) == 0  # a minute has not passed


def test_reading_by_hand_too_often_is_refused(
    published: Integration, publisher: Publisher, ada: User
) -> None:
    publisher.says(RSA)
    results = [read(published, ada) for _n in range(8)]
    assert code(results[-1]) == "too_many"
    assert publisher.asked < 8


def test_there_is_nothing_to_read_without_an_address(desk: Integration, ada: User) -> None:
    assert code(read(desk, ada)) == "no_key_address"
    assert read_due(now=timezone.now()) == 0


def test_a_key_that_is_read_is_taken_away_where_it_is_published(
    published: Integration, publisher: Publisher, ada: User
) -> None:
    publisher.says(RSA)
    read(published, ada)
    assert code(remove_key(published.keys.get(), by=acting(ada), now=timezone.now())) == "kept_elsewhere"
