"""Signing keys: made once, rotated by the clock, revoked at once, and erased when nothing that they signed can hold."""

import threading
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection, connections
from django.utils import timezone

from accounts import signing_keys
from accounts.models import RefreshToken, SigningKey, User
from accounts.signing_record import what_it_signed
from accounts.tasks import rotate_keys
from accounts.tokens import keys
from accounts.tokens.keys import active_key, active_rsa_key, key_named, key_set
from accounts.tokens.rotation import OVERLAP, Standing
from audit.models import AuditEvent
from audit.verify import verify
from core import epoch, sealed
from core.db import unit
from core.errors import PortalError
from core.outcomes import Denied
from core.reseal import reseal
from core.sealed import NOTHING, sealed_fields
from tenants.settings import change_settings
from tests.cast import Call, acting
from tests.parallel import in_parallel

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    """When the first key began."""
    return SigningKey.objects.get().active_from


def standing(now: datetime) -> dict[int, str]:
    return {number: one.standing.value for number, one in signing_keys.states(now=now).items()}


def published(now: datetime) -> list[str]:
    return [key["kid"] for key in key_set(now=now)["keys"]]


def events() -> list[str]:
    found = AuditEvent.objects.filter(event__startswith="accounts:signingkey:").order_by("id")
    return [event.rpartition(":")[2] for event in found.values_list("event", flat=True)]


def test_the_clock_publishes_the_next_key_a_day_ahead_and_erases_the_last_one_when_it_has_gone(
    now: datetime,
) -> None:
    first = active_key(now=now).kid
    assert signing_keys.ensure_keys(now=now + 28 * DAY) == 0
    assert signing_keys.ensure_keys(now=now + 29 * DAY) == 1
    assert signing_keys.ensure_keys(now=now + 29 * DAY) == 0
    assert standing(now + 29 * DAY) == {1: "active", 2: "published"}
    assert len(published(now + 29 * DAY)) == 2
    assert active_key(now=now + 30 * DAY - timedelta(seconds=1)).kid == first
    second = active_key(now=now + 30 * DAY).kid
    assert second != first
    assert published(now + 30 * DAY) == [second, first]
    gone = now + 30 * DAY + OVERLAP
    assert published(gone) == [second]
    assert signing_keys.ensure_keys(now=gone) == 1
    row = SigningKey.objects.get(number=1)
    assert row.private.text == ""
    assert row.public["kid"] == first  # which one it was is still known
    assert events() == ["made", "erased"]
    assert verify().broken_at is None


def test_the_task_of_the_clock_does_it(settings: LazySettings) -> None:
    SigningKey.objects.update(active_from=timezone.now() - 40 * DAY)
    assert rotate_keys() == 1
    assert rotate_keys() == 0


def test_a_shorter_period_takes_effect_with_the_next_look(now: datetime, root: User) -> None:
    done = change_settings(
        {"Tokens.SigningKeyDays": 2}, reason="policy", company=None, by=acting(root), now=now
    )
    assert not isinstance(done, Denied)
    assert signing_keys.ensure_keys(now=now + 5 * DAY) == 1
    assert SigningKey.objects.latest("number").active_from == now + 6 * DAY


def test_on_an_empty_database_the_first_token_makes_the_first_key(api: Call, ada: User) -> None:
    SigningKey.objects.all().delete()
    keys._held._held = (0, {})
    assert key_set(now=timezone.now()) == {"keys": []}
    program = api(ada)
    assert program.get("me/").status_code == 200
    assert SigningKey.objects.count() == 1
    assert RefreshToken.objects.get().signed_by == SigningKey.objects.get()


def test_inside_a_unit_the_first_key_is_part_of_it(now: datetime) -> None:
    SigningKey.objects.all().delete()
    keys._held._held = (0, {})
    with unit():
        first = active_key(now=now).kid
        assert active_key(now=now).kid == first
    assert active_key(now=now).kid == first


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_many_processes_that_find_no_key_one_makes_it(root: User) -> None:
    SigningKey.objects.all().delete()
    with unit():
        epoch.bump()
    now = timezone.now()

    def work(_number: int) -> None:
        try:
            found.append(active_key(now=now).kid)
        finally:
            connections.close_all()

    found: list[str] = []
    in_parallel(8, work)
    assert len(found) == 8
    assert set(found) == {SigningKey.objects.get().kid}
    assert events() == ["made"]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_many_clocks_that_find_one_due_one_publishes_it() -> None:
    now = SigningKey.objects.get().active_from + 29 * DAY
    made: list[int] = []
    begin = threading.Barrier(8)

    def work(_number: int) -> None:
        begin.wait()
        try:
            made.append(signing_keys.ensure_keys(now=now))
        finally:
            connections.close_all()

    in_parallel(8, work)
    assert sum(made) == 1
    assert standing(now) == {1: "active", 2: "published"}


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_verbs_at_the_same_moment_leave_one_key_that_signs(root: User) -> None:
    first, by, now = SigningKey.objects.get(), acting(root), timezone.now()

    def work(number: int) -> None:
        try:
            if number % 3 == 0:
                signing_keys.rotate_now(by=by, now=now)
            elif number % 3 == 1:
                signing_keys.revoke_key(first, by=by, now=now)
            else:
                signing_keys.ensure_keys(now=now)
        finally:
            connections.close_all()

    in_parallel(9, work)
    stands = standing(now)
    assert stands[1] == "revoked"
    assert list(stands.values()).count("active") == 1
    assert events().count("revoked") == 1
    assert verify().broken_at is None


def test_rotating_lets_a_new_key_sign_and_the_old_one_verify(root: User, now: datetime) -> None:
    first = active_key(now=now)
    later = now + DAY
    made = signing_keys.rotate_now(by=acting(root), now=later)
    assert isinstance(made, SigningKey)
    assert active_key(now=later).kid == made.kid
    assert key_named(first.kid) is not None
    assert standing(later) == {1: "retired", 2: "active"}
    assert events() == ["made", "rotated"]
    event = AuditEvent.objects.get(event="accounts:signingkey:rotated")
    assert (event.actor_uid, event.details["kid"]) == (str(root.uid), made.kid)


def test_rotating_takes_the_published_key_which_others_know_already(root: User, now: datetime) -> None:
    signing_keys.ensure_keys(now=now + 29 * DAY)
    waiting = SigningKey.objects.get(number=2)
    made = signing_keys.rotate_now(by=acting(root), now=now + 29 * DAY)
    assert isinstance(made, SigningKey)
    assert (made.pk, made.active_from) == (waiting.pk, now + 29 * DAY)
    assert SigningKey.objects.count() == 2


def test_a_revoked_active_key_is_followed_by_a_new_one_at_once(root: User, now: datetime) -> None:
    signing_keys.ensure_keys(now=now + 29 * DAY)
    first, later = SigningKey.objects.get(number=1), now + 29 * DAY
    kid = active_key(now=later).kid
    assert not isinstance(signing_keys.revoke_key(first, by=acting(root), now=later), Denied)
    assert key_named(kid) is None
    assert kid not in published(later)
    # Not the published one: it lay beside the one that was found out.
    assert standing(later) == {1: "revoked", 2: "published", 3: "active"}
    first.refresh_from_db()
    assert first.private.text == ""
    again = signing_keys.revoke_key(first, by=acting(root), now=later)
    assert isinstance(again, Denied)
    assert again.code == "not_live"


def test_a_revoked_retired_key_leaves_the_active_one_alone(root: User, now: datetime) -> None:
    signing_keys.rotate_now(by=acting(root), now=now + DAY)
    first, second = SigningKey.objects.get(number=1), active_key(now=now + DAY).kid
    assert not isinstance(signing_keys.revoke_key(first, by=acting(root), now=now + DAY), Denied)
    assert active_key(now=now + DAY).kid == second
    assert SigningKey.objects.count() == 2


def test_only_who_sees_every_company_and_may_manage_keys_does_it(root: User, ada: User, ben: User) -> None:
    first, now = SigningKey.objects.get(), timezone.now()
    for who in (ada, ben):
        for done in (
            signing_keys.rotate_now(by=acting(who), now=now),
            signing_keys.revoke_key(first, by=acting(who), now=now),
        ):
            assert isinstance(done, Denied)
            assert done.code == "not_found"
    assert SigningKey.objects.count() == 1


def test_what_a_key_signed_is_told(api: Call, ada: User, ben: User, root: User) -> None:
    first = SigningKey.objects.get()
    program, _other = api(ada), api(ben)
    program.post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]})
    now = timezone.now()
    signed = what_it_signed(first, now=now)
    assert (signed.tokens, signed.sessions, signed.join_links) == (3, 2, 0)
    assert signed.last_at is not None
    signing_keys.rotate_now(by=acting(root), now=now)
    assert api(ben).get("me/").status_code == 200
    second = SigningKey.objects.latest("number")
    assert what_it_signed(second, now=now).tokens == 1
    assert what_it_signed(first, now=now).tokens == 3


def test_the_private_key_is_sealed_and_bound_to_its_row(now: datetime) -> None:
    row = SigningKey.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT private FROM accounts_signingkey")
        ((text,),) = cursor.fetchall()
    assert text.startswith("k1.")
    assert b"PRIVATE" not in text.encode()
    other = keys.drawn_key(number=2, active_from=now, now=now)
    other.private = row.private
    with pytest.raises(PortalError):
        sealed.unseal(other, "private")


def test_keys_are_sealed_anew_with_the_rest(settings: LazySettings, now: datetime) -> None:
    column = SigningKey._meta.get_field("private")
    assert column in sealed_fields()
    kid, ours = active_key(now=now).kid, settings.FIELD_KEYS
    settings.FIELD_KEYS = "k2:" + "B" * 43 + "=," + ours
    *_told, last = reseal(column)
    assert (last.resealed, last.stuck) == (1, 0)
    settings.FIELD_KEYS = "k2:" + "B" * 43 + "="
    keys._held._held = (0, {})
    assert active_key(now=now).kid == kid


def test_a_key_that_no_longer_opens_is_an_error_until_it_is_revoked(
    settings: LazySettings, root: User, now: datetime
) -> None:
    settings.FIELD_KEYS = "k9:" + "C" * 43 + "="
    with pytest.raises(PortalError):
        active_key(now=now)
    first = SigningKey.objects.get()
    assert not isinstance(signing_keys.revoke_key(first, by=acting(root), now=now + DAY), Denied)
    assert active_key(now=now + DAY).kid == SigningKey.objects.get(number=2).kid


def test_whoever_writes_to_the_database_puts_no_key_of_his_own_there(now: datetime) -> None:
    theirs = keys.drawn_key(number=7, active_from=now, now=now)
    row = SigningKey.objects.get()
    before = key_set(now=now)
    SigningKey.objects.filter(pk=row.pk).update(public=theirs.public)
    keys._held._held = (0, {})
    assert key_set(now=now) == before


def test_a_clock_that_stands_still_is_seen(now: datetime) -> None:
    assert not signing_keys.stands_still(now=now + 31 * DAY)
    assert signing_keys.stands_still(now=now + 32 * DAY)
    assert active_key(now=now + 400 * DAY).kid == SigningKey.objects.get().kid
    signing_keys.ensure_keys(now=now + 33 * DAY)
    assert standing(now + 33 * DAY)[2] == Standing.PUBLISHED.value
    assert not signing_keys.stands_still(now=now + 34 * DAY)


# --- the RSA half


def test_the_rsa_half_comes_when_it_is_first_needed_and_from_then_on_a_day_ahead(now: datetime) -> None:
    assert [key["kty"] for key in key_set(now=now)["keys"]] == ["EC"]
    half = active_rsa_key(now=now)
    assert active_rsa_key(now=now).kid == half.kid
    assert sorted(key["alg"] for key in key_set(now=now)["keys"]) == ["ES256", "RS256"]
    assert not any({"d", "p", "q"} & set(key) for key in key_set(now=now)["keys"])
    signing_keys.ensure_keys(now=now + 29 * DAY)
    following = SigningKey.objects.get(number=2)
    assert following.rsa_kid in published(now + 29 * DAY)
    assert active_rsa_key(now=now + 29 * DAY).kid == half.kid
    assert active_rsa_key(now=now + 31 * DAY).kid == following.rsa_kid
    assert key_named(half.kid) is not None  # what it has signed goes on holding


def test_the_rsa_half_is_revoked_and_erased_with_its_key(root: User, now: datetime) -> None:
    half = active_rsa_key(now=now).kid
    first = SigningKey.objects.get()
    signing_keys.revoke_key(first, by=acting(root), now=now)
    assert key_named(half) is None
    assert half not in published(now)
    first.refresh_from_db()
    assert first.rsa_private == NOTHING
    assert active_rsa_key(now=timezone.now()).kid != half


def test_the_rsa_half_is_sealed_to_its_row(now: datetime) -> None:
    active_rsa_key(now=now)
    row = SigningKey.objects.get()
    assert SigningKey._meta.get_field("rsa_private") in sealed_fields()
    other = keys.drawn_key(number=2, active_from=now, now=now)
    for wrong in (
        SigningKey(uid=other.uid, rsa_private=row.rsa_private),
        SigningKey(uid=row.uid, rsa_private=row.private),
    ):
        with pytest.raises(PortalError):
            sealed.unseal(wrong, "rsa_private")


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_many_that_need_the_rsa_half_at_once_one_draws_it(root: User) -> None:
    now = timezone.now()
    active_key(now=now)

    found: list[str] = []
    in_parallel(4, lambda _number: found.append(active_rsa_key(now=now).kid))
    assert len(found) == 4
    assert set(found) == {SigningKey.objects.get().rsa_kid}
