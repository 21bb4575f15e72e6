"""The counters of passwords, and the administrator who takes them away."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.limits import (
    PASSWORD,
    browser_key,
    carry_counters,
    counted_name,
    lockout,
    name_key,
    standing_of,
    strangers_key,
    unlock_user,
)
from accounts.models import Browser, User
from accounts.names import Realm
from accounts.people import lock_user
from accounts.sessions import Client, note_browser
from audit.events import Event
from audit.models import AuditEvent
from configserver.passwords import NONE, Rules
from core import epoch
from core.db import unit
from core.outcomes import Denied
from core.throttle import take
from tenants.models import Role
from tests.cast import FULL, acting
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
STRICT = Rules(lockout_threshold=3, lockout_minutes=30)


def code(result: object) -> str:
    return result.code if isinstance(result, Denied) else ""


@pytest.fixture
def browser(ben: User, clock: Clock) -> Browser:
    """One in which Ben has signed in before."""
    with unit():
        client = Client(address="192.0.2.1", user_agent="Firefox", browser_token="b" * 43)
        return note_browser(ben, client, known=None, now=clock())


def use_up(user: User, clock: Clock, *, browser: Browser | None = None) -> None:
    """So many wrong passwords that every limit refuses."""
    key = browser_key(browser) if browser else strangers_key(name_key(user.username, realm=Realm.INTERNAL))
    lock = lockout(STRICT)
    assert lock is not None
    for _ in range(11):
        take(PASSWORD, key, now=clock())
        take(lock, key, now=clock())


@pytest.mark.parametrize(
    "spelling",
    ["BEN@acme.example", " ben@acme.example", "ｂｅｎ@acme.example", "Ben@Acme.Example"],  # noqa: RUF001
)
def test_every_spelling_of_a_name_counts_as_the_one_name(spelling: str) -> None:
    assert name_key(spelling, realm=Realm.INTERNAL) == name_key("ben@acme.example", realm=Realm.INTERNAL)


def test_names_realms_and_browsers_count_apart_and_no_name_is_kept(browser: Browser) -> None:
    keys = {
        name_key("ben@acme.example", realm=Realm.INTERNAL),
        name_key("ben@acme.example", realm=Realm.EXTERNAL),
        name_key("ada@acme.example", realm=Realm.INTERNAL),
    }
    assert len(keys) == 3
    assert not any("ben" in key or "ada" in key for key in keys)
    one = keys.pop()
    assert strangers_key(one) != browser_key(browser)


def test_without_a_threshold_there_is_no_lock_but_the_general_limits() -> None:
    assert lockout(NONE) is None


@pytest.mark.parametrize(
    ("rules", "window", "pause"),
    [
        (Rules(lockout_threshold=3), timedelta(minutes=30), timedelta(minutes=30)),
        (Rules(lockout_threshold=3, lockout_minutes_window=5), timedelta(minutes=5), timedelta(minutes=30)),
        (Rules(lockout_threshold=3, lockout_minutes=0), timedelta(days=3650), timedelta(days=3650)),
        (
            Rules(lockout_threshold=3, lockout_minutes=0, lockout_minutes_window=5),
            timedelta(minutes=5),
            timedelta(days=3650),
        ),
    ],
)
def test_the_lock_lasts_as_the_rules_say(rules: Rules, window: timedelta, pause: timedelta) -> None:
    lock = lockout(rules)
    assert lock is not None
    assert (lock.tries, lock.window, lock.pause) == (3, window, pause)


def test_an_administrator_sees_what_is_counted_by_strangers_and_in_own_browsers(
    ben: User, browser: Browser, clock: Clock
) -> None:
    assert standing_of(ben, rules=STRICT, now=clock()) == []
    use_up(ben, clock)
    assert [one.refused for one in standing_of(ben, rules=STRICT, now=clock())] == [True, True]
    use_up(ben, clock, browser=browser)
    assert len(standing_of(ben, rules=STRICT, now=clock())) == 4
    clock.forward(days=1)
    assert standing_of(ben, rules=STRICT, now=clock()) == []


def test_unlocking_takes_the_lock_and_every_counter_away(
    ada: User, ben: User, browser: Browser, clock: Clock
) -> None:
    use_up(ben, clock)
    use_up(ben, clock, browser=browser)
    lock_user(ben, reason="lost phone", by=acting(ada), now=clock())
    User.objects.filter(pk=ben.pk).update(codes_paused_until=clock() + timedelta(minutes=10))
    clock.forward(minutes=1)
    assert unlock_user(ben, by=acting(ada), now=clock()) is None
    ben.refresh_from_db()
    assert (ben.locked_at, ben.locked_reason, ben.unlocked_at) == (None, "", clock())
    assert ben.codes_paused_until is None
    assert ben.security_version == 3
    assert standing_of(ben, rules=STRICT, now=clock()) == []
    row = AuditEvent.objects.get(event=Event.USER_UNLOCKED)
    assert row.details == {"counters": 4}


def test_counters_alone_can_be_taken_away_too(ada: User, ben: User, clock: Clock) -> None:
    use_up(ben, clock)
    assert unlock_user(ben, by=acting(ada), now=clock()) is None
    assert code(unlock_user(ben, by=acting(ada), now=clock())) == "not_locked"
    assert AuditEvent.objects.filter(event=Event.USER_UNLOCKED).count() == 1


def test_the_counters_of_others_stay(ada: User, ben: User, cleo: User, clock: Clock) -> None:
    for person in (ben, cleo):
        use_up(person, clock)
    unlock_user(ben, by=acting(ada), now=clock())
    assert standing_of(cleo, rules=STRICT, now=clock()) != []


def test_nobody_unlocks_out_of_reach_or_above_himself(
    ada: User, ben: User, cleo: User, root: User, clock: Clock
) -> None:
    use_up(ben, clock)
    use_up(root, clock)
    assert code(unlock_user(ben, by=acting(cleo), now=clock())) == "not_found"
    assert code(unlock_user(root, by=acting(ada), now=clock())) == "not_found"
    assert code(unlock_user(ada, by=acting(ben), now=clock())) == "not_found"
    assert standing_of(ben, rules=STRICT, now=clock()) != []


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_who_is_rising_above_the_actor_at_this_moment_is_judged_as_he_will_be(
    ada: User, ben: User, clock: Clock
) -> None:
    lock_user(ben, reason="lost phone", by=acting(ada), now=clock())
    by, began = acting(ada), threading.Event()

    def rise() -> None:
        with unit():
            User.objects.select_for_update().get(pk=ben.pk).roles.set(
                [Role.objects.get(name=FULL, company=None)]
            )
            epoch.bump()
            began.set()
            time.sleep(0.3)  # long enough for the other to ask, who then has to wait
        connections.close_all()

    rising = threading.Thread(target=rise)
    rising.start()
    began.wait(10)
    refused = unlock_user(ben, by=by, now=clock())
    rising.join(10)
    assert code(refused) == "rank_too_high"
    ben.refresh_from_db()
    assert ben.locked_at is not None


# --- while the root keys are rotated -----------------------------------------------------------------------------------

OLD, NEW = "k1:" + "A" * 43, "k2:" + "B" * 43


def refused(clock: Clock) -> list[bool]:
    """Whether each counter of Ben's name refuses the next try of a stranger."""
    lock = lockout(STRICT)
    assert lock is not None
    key = strangers_key(counted_name("ben@acme.example", realm=Realm.INTERNAL, now=clock()))
    return [take(limit, key, now=clock()) is not None for limit in (PASSWORD, lock)]


def test_a_lock_counted_under_the_older_key_holds_whether_or_not_reseal_ran(
    ben: User, clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = OLD
    use_up(ben, clock)
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert len(standing_of(ben, rules=STRICT, now=clock())) == 2
    assert refused(clock) == [True, True]
    settings.FIELD_KEYS = NEW
    assert refused(clock) == [True, True]


def test_reseal_carries_the_counters_of_everybody(
    ben: User, cleo: User, clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = OLD
    for person in (ben, cleo):
        use_up(person, clock)
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert carry_counters(now=clock(), batch=1) == 4
    assert carry_counters(now=clock()) == 0
    settings.FIELD_KEYS = NEW
    assert refused(clock) == [True, True]


def test_tries_under_both_keys_count_together_and_those_of_another_time_do_not(
    ben: User, clock: Clock, settings: Settings
) -> None:
    """While several machines change over, some count under one key and some under the other."""

    def tries(keys: str, number: int) -> None:
        settings.FIELD_KEYS = keys
        for _ in range(number):
            take(
                PASSWORD,
                strangers_key(name_key("ben@acme.example", realm=Realm.INTERNAL)),
                now=clock(),
            )

    tries(f"{OLD},{NEW}", 9)
    clock.forward(minutes=16)
    tries(f"{NEW},{OLD}", 5)
    assert refused(clock) == [False, False]
    tries(f"{OLD},{NEW}", 4)
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert refused(clock)[0]  # 5, 1 to look, 4, and now the eleventh


def test_unlocking_forgets_what_is_counted_under_either_key(
    ada: User, ben: User, clock: Clock, settings: Settings
) -> None:
    settings.FIELD_KEYS = OLD
    use_up(ben, clock)
    settings.FIELD_KEYS = f"{NEW},{OLD}"
    assert unlock_user(ben, by=acting(ada), now=clock()) is None
    assert refused(clock) == [False, False]


def test_with_one_key_nothing_is_looked_up(
    ben: User, clock: Clock, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        counted_name("ben@acme.example", realm=Realm.INTERNAL, now=clock())
