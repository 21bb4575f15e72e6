"""Whom an integration vouches for: found or made, never above its ceiling or of another company."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Arrival, Integration, SpentToken, User
from accounts.names import Realm
from accounts.tokens.foreign import Flawed
from accounts.vouching import Verified, person_of, person_once, verified
from audit.events import Event
from audit.models import AuditEvent
from portal.backup.aftermath import Replaced, end_what_was_under_way
from tenants.models import Company
from tests import cast
from tests.accounts.vouched import integration_of, token_of
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme)


def let_in(token: str, *, now: datetime, by: Callable[..., User | Flawed] = person_of) -> User | Flawed:
    found = verified(token, address="192.0.2.9", now=now)
    return found if isinstance(found, Flawed) else by(found, address="192.0.2.9", now=now)


def vouched(desk: Integration, *, by: Callable[..., User | Flawed] = person_of, **more: Any) -> User | Flawed:
    now = timezone.now()
    return let_in(token_of(desk, now=now, **more), now=now, by=by)


def flaw(result: object) -> str:
    assert isinstance(result, Flawed), result
    return result.flaw


def test_a_newcomer_gets_an_account_on_first_use(desk: Integration, acme: Company) -> None:
    result = vouched(desk, sub="new@acme.example", displayName="New  Person")
    user = User.objects.get(username="new@acme.example")
    assert result == user
    assert (user.company, user.display_name, user.realm) == (acme, "New Person", Realm.INTERNAL)
    assert (user.came_by, user.came_through) == (Arrival.VOUCHED, "Desk")
    assert not user.has_usable_password()
    assert user.email_verified_at is None
    assert [role.name for role in user.roles.all()] == ["Agent"]
    row = AuditEvent.objects.get(event=Event.USER_CREATED)
    assert (row.actor_uid, row.subject_uid, row.address) == (str(desk.uid), str(user.uid), "192.0.2.9")


def test_what_begins_is_told_by_which_key_until_when_and_bounded_to_what(desk: Integration) -> None:
    now = timezone.now()
    given = {"role": "agent", "policy": {"version": 3, "sessions": {}}, "exp": int(now.timestamp()) + 60}
    result = verified(token_of(desk, now=now, **given), address="192.0.2.9", now=now)
    assert isinstance(result, Verified)
    assert isinstance(person_of(result, address="192.0.2.9", now=now), User)
    key = desk.keys.get()
    assert (result.vouched.key, result.vouched.key.integration) == (key, desk)
    assert result.vouched.grant == {"role": "agent", "policy": {"version": 3, "sessions": {}}}
    assert int(result.vouched.until.timestamp()) == int(now.timestamp()) + 120
    assert key.used_at is not None


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({}, ["Agent"]),
        ({"role": "agent"}, ["Agent"]),
        ({"role": "administrator"}, ["Company Administrator"]),
        ({"role": None}, []),
    ],
)
def test_the_claim_says_which_role_a_newcomer_has(
    desk: Integration, given: dict[str, Any], roles: list[str]
) -> None:
    result = vouched(desk, **given)
    assert isinstance(result, User)
    assert [role.name for role in result.roles.all()] == roles


def test_nobody_is_made_above_the_ceiling(acme: Company) -> None:
    desk = integration_of(acme, ceiling="Agent")
    assert flaw(vouched(desk, role="administrator")) == "person-above"
    assert not User.objects.exists()


def test_somebody_known_is_found_in_any_spelling(desk: Integration, ben: User) -> None:
    assert vouched(desk, sub="Ben@ACME.example") == ben
    assert [role.name for role in ben.roles.all()] == ["Member"]


def test_who_may_do_more_than_the_ceiling_is_not_let_in_whatever_role_the_token_names(
    acme: Company, ada: User
) -> None:
    desk = integration_of(acme, ceiling="Agent")
    for more in ({}, {"role": "agent"}, {"role": None, "policy": {"version": 3}}):
        assert flaw(vouched(desk, sub=ada.username, **more)) == "person-above"


def test_the_role_of_a_token_is_bounded_for_somebody_known_too(acme: Company) -> None:
    desk = integration_of(acme, ceiling="Agent")
    cast.person("eve@acme.example", company=acme, role=cast.AGENT)
    assert flaw(vouched(desk, sub="eve@acme.example", role="administrator")) == "person-above"


def test_nobody_of_another_company_is_let_in_and_the_answer_is_the_same(
    desk: Integration, cleo: User, root: User, ben: User
) -> None:
    cast.person("far@acme.example", company=None, role=cast.MEMBER)
    external = User(
        username="dora@acme.example", realm=Realm.EXTERNAL, company=desk.company, display_name="D"
    )
    external.save()
    User.objects.filter(pk=ben.pk).update(is_active=False)
    said = set()
    for sub in (
        cleo.username,
        root.username,
        "far@acme.example",
        "dora@acme.example",
        ben.username,
    ):
        result = vouched(desk, sub=sub)
        assert isinstance(result, Flawed), sub
        said.add((result.code, str(result.message)))
    assert len(said) == 1
    assert User.objects.filter(came_by=Arrival.VOUCHED).count() == 0


@pytest.mark.parametrize("state", [{"is_active": False}, {"locked_at": timezone.now()}])
def test_a_shut_account_stays_shut(desk: Integration, ben: User, state: dict[str, Any]) -> None:
    User.objects.filter(pk=ben.pk).update(**state)
    assert flaw(vouched(desk, sub=ben.username)) == "person-locked-or-disabled"


def test_an_integration_that_is_off_or_of_a_company_that_is_off_vouches_for_nobody(acme: Company) -> None:
    assert flaw(vouched(integration_of(acme, is_active=False))) == "switched-off"
    Company.objects.filter(pk=acme.pk).update(is_active=False)
    assert flaw(vouched(integration_of(acme, name="Other"))) == "switched-off"


def test_a_refusal_is_written_down_without_the_token(desk: Integration, cleo: User) -> None:
    now = timezone.now()
    token = token_of(desk, now=now, sub=cleo.username)
    assert isinstance(let_in(token, now=now), Flawed)
    assert isinstance(let_in(token[:-4] + "AAAA", now=now), Flawed)
    first, second = AuditEvent.objects.filter(event=Event.ASSERTION_REFUSED).order_by("id")
    assert first.details == {"reason": "person-elsewhere", "person": cleo.username}
    assert second.details == {"reason": "signature"}  # no name: anybody could have written it
    assert (first.subject_uid, first.company_id) == (str(desk.uid), desk.company_id)
    assert token[:20] not in str(vars(first)) + str(vars(second))


def test_the_trail_is_not_filled_by_one_who_is_refused_in_a_loop(desk: Integration) -> None:
    now = timezone.now()
    token = token_of(desk, now=now, aud="https://elsewhere.example")
    for _again in range(100):
        let_in(token, now=now)
    assert 0 < AuditEvent.objects.filter(event=Event.ASSERTION_REFUSED).count() <= 61


def test_a_token_for_a_page_needs_an_id_and_works_once(desk: Integration) -> None:
    assert flaw(vouched(desk, by=person_once)) == "jti"
    now = timezone.now()
    token = token_of(desk, now=now, jti="one")
    assert isinstance(let_in(token, now=now, by=person_once), User)
    assert flaw(let_in(token, now=now, by=person_once)) == "spent"
    # Another token with the same id is the same use.
    assert flaw(vouched(desk, by=person_once, jti="one", sub="other@acme.example")) == "spent"
    assert SpentToken.objects.get().expires_at >= now + timedelta(seconds=600)


def test_an_id_spent_with_one_integration_is_not_spent_with_another(acme: Company, globex: Company) -> None:
    first, second = integration_of(acme), integration_of(globex, name="Theirs")
    assert isinstance(vouched(first, by=person_once, jti="one", sub="a@acme.example"), User)
    assert isinstance(vouched(second, by=person_once, jti="one", sub="b@globex.example"), User)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_at_once_exactly_one_succeeds(desk: Integration) -> None:
    now = timezone.now()
    token = token_of(desk, now=now, jti="one")
    results = list[User | Flawed]()
    in_parallel(50, lambda _n: results.append(let_in(token, now=now, by=person_once)))
    assert sum(isinstance(one, User) for one in results) == 1
    assert {one.flaw for one in results if isinstance(one, Flawed)} == {"spent"}


@pytest.mark.django_db(transaction=True)
def test_two_first_uses_at_once_make_one_person(desk: Integration) -> None:
    results = list[User | Flawed]()
    in_parallel(8, lambda n: results.append(vouched(desk, sub="new@acme.example", jti=str(n))))
    assert {one.username for one in results if isinstance(one, User)} == {"new@acme.example"}
    assert len(results) == 8
    assert User.objects.get(username="new@acme.example").roles.count() == 1


def test_after_a_restore_no_token_from_before_it_is_taken(desk: Integration, ben: User) -> None:
    now = timezone.now()
    spent = token_of(desk, now=now - timedelta(seconds=5), sub=ben.username, jti="one")
    assert isinstance(let_in(spent, now=now, by=person_once), User)
    SpentToken.objects.all().delete()  # as in a backup of before
    end_what_was_under_way(made_at="", replaced=Replaced(), now=now)
    assert flaw(let_in(spent, now=now, by=person_once)) == "outdated"
    assert flaw(let_in(spent, now=now)) == "outdated"
    fresh = token_of(desk, now=now + timedelta(seconds=1), sub=ben.username, jti="one")
    assert isinstance(let_in(fresh, now=now + timedelta(seconds=1), by=person_once), User)


def test_a_known_integration_costs_no_statement_but_for_the_version(
    desk: Integration, django_assert_num_queries: Any
) -> None:
    now = timezone.now()
    token = token_of(desk, now=now)
    verified(token, address="", now=now)
    with django_assert_num_queries(1):  # the version, which a process reads by itself a few times a second
        assert not isinstance(verified(token, address="", now=now), Flawed)
    with django_assert_num_queries(0):
        assert flaw(verified(token_of(desk, now=now, iss="x" * 20), address="", now=now)) == "iss"
