"""Sessions: how many, how long, locked when idle, ended everywhere, and never under an old secret."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.ending import sign_out_everywhere
from accounts.models import Browser, Session, SessionKind, User
from accounts.people import lock_account
from accounts.principal import principal_of_cookie, principal_of_session
from accounts.sessions import (
    SESSION,
    Client,
    confirm_session,
    end_all,
    end_sessions,
    idle_lock_due,
    is_locked_now,
    known_browser,
    live_sessions,
    lock_if_idle,
    note_browser,
    note_use,
    refuse_unconfirmed,
    start_session,
)
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from core import entropy, epoch
from core.db import unit
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import change_settings
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
HERE = Client(address="192.0.2.1", user_agent="Firefox", browser_token="gh_browser_" + "b" * 43)
RULES = "security-authentication-rules"


def start(
    user: User, clock: Clock, *, kind: SessionKind = SessionKind.PAGE, client: Client = HERE
) -> tuple[Session, str]:
    begun = start_session(user, kind=kind, methods=["pwd", "otp"], client=client, browser=None, now=clock())
    assert begun is not None
    return begun


def demand(clock: Clock, values: dict[str, Any], *, company: Company | None = None) -> None:
    change_settings(values, company=company, reason="test", by=system_actor(), now=clock())


def at_most(number: int, clock: Clock, *, company: Company | None = None) -> None:
    demand(clock, {"Login.Security.Strict": True, f"{RULES}.max-account-sessions": number}, company=company)


def live(user: User, clock: Clock) -> list[int]:
    return list(live_sessions(user, now=clock()).order_by("id").values_list("pk", flat=True))


# --- the beginning -----------------------------------------------------------------------------------------------------


def test_no_session_begins_for_an_account_that_was_locked_after_it_was_proved(
    ben: User, clock: Clock
) -> None:
    proved = User.objects.get(pk=ben.pk)
    lock_account(ben, reason="Mallory", by=system_actor(), now=clock())
    begun = start_session(
        proved, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=clock()
    )
    assert begun is None
    assert not Session.objects.filter(user=ben).exists()


@pytest.mark.django_db(transaction=True)
def test_a_session_that_begins_while_the_account_is_locked_does_not_outlive_the_lock(
    ben: User, clock: Clock
) -> None:
    def race(turn: int) -> None:
        if turn:
            lock_account(ben, reason="Mallory", by=system_actor(), now=clock())
        else:
            start_session(ben, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=clock())

    in_parallel(2, race)
    assert live(ben, clock) == []


def test_a_session_keeps_what_is_known_and_only_a_fingerprint_of_its_secret(ben: User, clock: Clock) -> None:
    session, secret = start(ben, clock)
    session.refresh_from_db()
    assert secret.startswith("gh_session_")
    assert secret not in str(vars(session))
    assert session.fingerprint == entropy.fingerprint(secret, purpose=SESSION)
    assert (session.kind, session.methods, session.address, session.user_agent) == (
        "page",
        ["pwd", "otp"],
        "192.0.2.1",
        "Firefox",
    )
    assert session.created_at == session.seen_at == session.confirmed_at == clock()
    assert session.expires_at == clock() + timedelta(hours=12)
    ben.refresh_from_db()
    assert (ben.last_login, ben.last_login_address, ben.last_login_agent) == (clock(), "192.0.2.1", "Firefox")
    row = AuditEvent.objects.get(event=Event.SESSION_STARTED)
    assert row.details == {"kind": "page", "methods": ["pwd", "otp"]}
    assert secret not in str(vars(row))


def test_no_two_sessions_have_the_same_secret(ben: User, clock: Clock) -> None:
    assert len({start(ben, clock)[1] for _ in range(20)}) == 20


def test_a_session_ends_by_its_own_clock_however_much_it_is_used(
    ben: User, clock: Clock, acme: Company
) -> None:
    demand(clock, {"Session.AbsoluteHours": 2}, company=acme)
    session, _secret = start(ben, clock)
    clock.forward(hours=1, minutes=59, seconds=59)
    note_use(session, now=clock())
    assert session.is_live(now=clock())
    clock.forward(seconds=1)
    assert not session.is_live(now=clock())
    assert live(ben, clock) == []


# --- how many ----------------------------------------------------------------------------------------------------------


def test_without_a_rule_there_may_be_any_number(ben: User, clock: Clock) -> None:
    for _ in range(12):
        start(ben, clock)
    assert len(live(ben, clock)) == 12


def test_one_too_many_ends_the_oldest(ben: User, acme: Company, clock: Clock) -> None:
    at_most(2, clock, company=acme)
    sessions = [start(ben, clock)[0] for _ in range(4)]
    assert live(ben, clock) == [sessions[2].pk, sessions[3].pk]
    sessions[0].refresh_from_db()
    assert sessions[0].ended_reason == "too_many"
    assert AuditEvent.objects.filter(event=Event.SESSION_ENDED).count() == 2


def test_a_limit_made_smaller_ends_as_many_as_it_takes(ben: User, acme: Company, clock: Clock) -> None:
    for _ in range(5):
        start(ben, clock)
    at_most(1, clock, company=acme)
    last, _secret = start(ben, clock)
    assert live(ben, clock) == [last.pk]


def test_the_limit_counts_live_sessions_of_the_one_person(
    ben: User, ada: User, acme: Company, clock: Clock
) -> None:
    at_most(1, clock, company=acme)
    others, _secret = start(ada, clock)
    old, _secret = start(ben, clock)
    clock.forward(hours=13)
    new, _secret = start(ben, clock)
    old.refresh_from_db()
    assert old.ended_at is None  # it was over by itself
    assert live(ben, clock) == [new.pk]
    others.refresh_from_db()
    assert others.ended_at is None


@pytest.mark.django_db(transaction=True)
def test_sign_ins_at_the_same_moment_do_not_exceed_the_limit(ben: User, clock: Clock) -> None:
    at_most(2, clock)
    in_parallel(8, lambda _number: start(ben, clock) and None)
    assert len(live(ben, clock)) == 2


# --- the end -----------------------------------------------------------------------------------------------------------


def test_an_ended_session_is_nobody_at_the_next_request(ben: User, clock: Clock) -> None:
    session, secret = start(ben, clock)
    fingerprint = entropy.fingerprint(secret, purpose=SESSION)
    assert principal_of_cookie(fingerprint) is not None
    assert principal_of_session(str(session.uid)) is not None
    assert end_sessions([session], reason="signed_out", origin=Origin(actor=ben), now=clock()) == 1
    assert principal_of_cookie(fingerprint) is None
    assert principal_of_session(str(session.uid)) is None
    session.refresh_from_db()
    assert (session.ended_at, session.ended_reason) == (clock(), "signed_out")


def test_a_session_ends_once(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    end_sessions([session], reason="first", origin=Origin(), now=clock())
    version = epoch.current()
    clock.forward(minutes=1)
    assert end_sessions([session], reason="second", origin=Origin(), now=clock()) == 0
    session.refresh_from_db()
    assert session.ended_reason == "first"
    assert epoch.current() == version
    assert AuditEvent.objects.filter(event=Event.SESSION_ENDED).count() == 1


def test_all_sessions_of_a_person_end_but_the_one_in_use(ben: User, ada: User, clock: Clock) -> None:
    sessions = [start(ben, clock)[0] for _ in range(4)]
    others, _secret = start(ada, clock)
    assert end_all(ben, reason="password_changed", origin=Origin(), now=clock(), but=sessions[1]) == 3
    assert live(ben, clock) == [sessions[1].pk]
    assert live(ada, clock) == [others.pk]
    assert end_all(ben, reason="locked", origin=Origin(), now=clock()) == 1
    assert end_all(ben, reason="locked", origin=Origin(), now=clock()) == 0


# --- idle --------------------------------------------------------------------------------------------------------------


def test_an_idle_page_is_locked_on_the_minute_and_not_before(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    clock.forward(minutes=14, seconds=59)
    assert not lock_if_idle(session, now=clock())
    clock.forward(seconds=1)
    assert is_locked_now(session, now=clock())
    assert lock_if_idle(session, now=clock())
    session.refresh_from_db()
    assert session.locked_at == clock()
    assert AuditEvent.objects.get(event=Event.SESSION_LOCKED).subject_uid == str(session.uid)


def test_a_locked_session_stays_locked_until_confirmed(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    clock.forward(minutes=20)
    lock_if_idle(session, now=clock())
    note_use(session, now=clock())
    assert lock_if_idle(session, now=clock())
    assert AuditEvent.objects.filter(event=Event.SESSION_LOCKED).count() == 1


def test_use_that_another_process_noted_keeps_the_session_open(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    clock.forward(minutes=20)
    Session.objects.filter(pk=session.pk).update(seen_at=clock() - timedelta(minutes=1))
    assert idle_lock_due(session, now=clock())  # by what this process remembers
    assert not lock_if_idle(session, now=clock())


def test_a_program_is_not_locked(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock, kind=SessionKind.API)
    clock.forward(hours=11)
    assert not idle_lock_due(session, now=clock())
    assert not lock_if_idle(session, now=clock())


def test_the_minutes_are_the_companys_and_zero_means_never(
    ben: User, cleo: User, acme: Company, clock: Clock
) -> None:
    demand(clock, {"Session.IdleLockMinutes": 5})
    demand(clock, {"Session.IdleLockMinutes": 0}, company=acme)
    sessions = [start(user, clock)[0] for user in (ben, cleo)]
    clock.forward(hours=3)
    assert [lock_if_idle(session, now=clock()) for session in sessions] == [False, True]


def test_a_session_whose_person_is_gone_is_locked_and_no_fault(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    clock.forward(hours=1)
    Session.objects.all().delete()
    assert lock_if_idle(session, now=clock())


def test_it_is_written_down_that_browsers_were_forgotten(ben: User, clock: Clock) -> None:
    with unit():
        browser = note_browser(ben, HERE, known=known_browser(ben, HERE), now=clock())
    Browser.objects.filter(pk=browser.pk).update(remembered_until=clock.now + timedelta(days=30))
    assert sign_out_everywhere(ben, by=system_actor(), now=clock()) is None
    noted = AuditEvent.objects.get(event=Event.DEVICE_FORGOTTEN)
    assert (noted.subject_uid, noted.details) == (str(ben.uid), {"browsers": 1})


# --- confirming --------------------------------------------------------------------------------------------------------


def test_confirming_opens_the_session_under_another_secret(ben: User, clock: Clock) -> None:
    session, before = start(ben, clock)
    clock.forward(minutes=20)
    lock_if_idle(session, now=clock())
    after = confirm_session(session, methods=["pwd"], client=HERE, now=clock())
    assert after is not None
    assert after != before
    assert principal_of_cookie(entropy.fingerprint(before, purpose=SESSION)) is None
    principal = principal_of_cookie(entropy.fingerprint(after, purpose=SESSION))
    assert principal is not None
    assert principal.session.pk == session.pk
    assert principal.session.locked_at is None
    assert principal.session.seen_at == principal.session.confirmed_at == clock()
    assert principal.session.methods == ["pwd"]


def test_a_session_that_ended_is_not_opened_by_confirming(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    end_sessions([session], reason="signed_out", origin=Origin(), now=clock())
    assert confirm_session(session, methods=["pwd"], client=HERE, now=clock()) is None
    assert not AuditEvent.objects.filter(event=Event.LOGIN_CONFIRMED).exists()


def test_a_proof_is_recent_for_ten_minutes(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    clock.forward(minutes=10)
    assert refuse_unconfirmed(session, now=clock()) is None
    clock.forward(microseconds=1)
    refused = refuse_unconfirmed(session, now=clock())
    assert refused is not None
    assert refused.code == "confirm_first"


# --- use ---------------------------------------------------------------------------------------------------------------


def test_use_is_noted_at_most_once_a_minute(ben: User, clock: Clock, django_assert_num_queries: Any) -> None:
    session, _secret = start(ben, clock)
    with django_assert_num_queries(0):
        for _ in range(59):
            clock.forward(seconds=1)
            note_use(session, now=clock())
    clock.forward(seconds=1)
    with django_assert_num_queries(1):
        note_use(session, now=clock())
        note_use(session, now=clock())
    assert Session.objects.get(pk=session.pk).seen_at == clock()


def test_the_use_of_a_session_that_ended_changes_nothing(ben: User, clock: Clock) -> None:
    session, _secret = start(ben, clock)
    end_sessions([session], reason="signed_out", origin=Origin(), now=clock())
    seen = clock()
    clock.forward(minutes=5)
    note_use(session, now=clock())
    assert Session.objects.get(pk=session.pk).seen_at == seen


# --- browsers ----------------------------------------------------------------------------------------------------------


def test_a_browser_is_known_to_the_person_who_signed_in_with_it(ben: User, ada: User, clock: Clock) -> None:
    assert known_browser(ben, HERE) is None
    with unit():
        made = note_browser(ben, HERE, known=known_browser(ben, HERE), now=clock())
    clock.forward(days=1)
    with unit():
        again = note_browser(ben, HERE, known=known_browser(ben, HERE), now=clock())
    assert known_browser(ben, HERE) == made == again
    assert known_browser(ada, HERE) is None
    assert known_browser(None, HERE) is None
    assert known_browser(ben, Client(address="192.0.2.1", user_agent="Firefox")) is None
    row = Browser.objects.get()
    assert (row.last_seen_at, row.last_seen_at - row.first_seen_at) == (clock(), timedelta(days=1))
    assert HERE.browser_token not in str(vars(row))


def test_a_remembered_browser_is_forgotten_in_time_and_by_every_change_of_security(
    ben: User, clock: Clock
) -> None:
    with unit():
        browser = note_browser(ben, HERE, known=known_browser(ben, HERE), now=clock())
    assert not browser.is_remembered(user=ben, now=clock())
    browser.remembered_until, browser.remembered_version = clock() + timedelta(days=30), ben.security_version
    assert browser.is_remembered(user=ben, now=clock() + timedelta(days=29))
    assert not browser.is_remembered(user=ben, now=clock() + timedelta(days=30))
    ben.security_version += 1
    assert not browser.is_remembered(user=ben, now=clock())
