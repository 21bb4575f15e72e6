"""The limits of passwords: one counter per person over all doors and spellings, one per network, and the lock of the rules."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import Browser, User
from accounts.names import Realm
from accounts.people import NOT_FOUND, refuse_touch
from audit.events import Event
from audit.record import record
from configserver.models import Person
from configserver.passwords import Rules
from configserver.services.person import refuse_touch as refuse_touch_person
from core import entropy, epoch
from core.contacts import key_of
from core.db import unit
from core.outcomes import Denied
from core.throttle import Limit, Taken, carry, release, standing, standings
from tenants.actor import Actor
from tenants.granted import company_of_tenant

NAME = "login-name"
STRANGER = "stranger"

PASSWORD = Limit(name="password", tries=10, window=timedelta(minutes=15), pause=timedelta(minutes=15))
# Codes sent, over all sign-ins of a person: enough for a bad day, too few for guessing.
CODES_A_DAY = Limit(name="code-sends", tries=30, window=timedelta(hours=24))
# Whoever knows the password can begin again and again; a mailbox is not flooded, and the day's codes are not gone in a minute.
CODES_AT_ONCE = Limit(name="code-sends-burst", tries=10, window=timedelta(minutes=10))
# Apps that somebody begins to set up: nothing is sent, and no sign-in is held up by them.
APPS_BEGUN = Limit(name="app-begin", tries=30, window=timedelta(hours=1))
HELP = Limit(name="help", tries=3, window=timedelta(days=1))  # requests of one person at the sign-in
RECOVERY = Limit(name="recovery", tries=3, window=timedelta(days=1))  # of one person who says that it is lost
NETWORK = Limit(name="network", tries=100, window=timedelta(minutes=10))
# Those that are counted by a person's name. Of the second one this is the name alone: the rules say the rest.
_BY_NAME = (PASSWORD, Limit(name="lockout", tries=1, window=timedelta(1)))


NOT_LOCKED = Denied(code="not_locked", message=_("This account is not locked."))


def lockout(rules: Rules) -> Limit | None:
    """The lock that an organisation's own rules put after wrong passwords; None when its threshold is 0."""
    if not rules.lockout_threshold:
        return None
    # A lock of 0 minutes lasts until an administrator unlocks it; ten years stand for that.
    pause = timedelta(minutes=rules.lockout_minutes) if rules.lockout_minutes else timedelta(days=3650)
    window = timedelta(minutes=rules.lockout_minutes_window) if rules.lockout_minutes_window else pause
    return Limit(name="lockout", tries=rules.lockout_threshold, window=window, pause=pause)


def _name_keys(name: str, *, realm: str) -> list[str]:
    return entropy.fingerprints(f"{realm}:{key_of(name)}", purpose=NAME)


def name_key(name: str, *, realm: Realm) -> str:
    """What the tries for one name are counted under; the same for every spelling, and whether or not somebody has it."""
    return _name_keys(name, realm=realm)[0]


def counted_name(name: str, *, realm: Realm, now: datetime) -> str:
    """The same, where tries begin: while two root keys are live, what was counted under the other one is counted on."""
    key, *others = _name_keys(name, realm=realm)
    if others:
        _carry(dict.fromkeys(others, key), now=now)
    return key


def strangers_key(name_key: str) -> str:
    """What strangers are counted under, all who try one name together."""
    return f"{name_key}:{STRANGER}"


def browser_key(browser: Browser) -> str:
    """What a browser that the person has used is counted under: its own counter, which strangers cannot use up."""
    return str(browser.uid)


def _carry(moves: Mapping[str, str], *, now: datetime) -> int:
    strangers = {strangers_key(old): strangers_key(new) for old, new in moves.items()}
    return carry(_BY_NAME, strangers, now=now)


def carry_counters(*, now: datetime, batch: int = 500) -> int:
    """After a rotation of keys: count on under the new one whatever is counted for a person; the number of counters moved."""
    moved, last = 0, 0
    while people := list(
        User.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "realm", "username")[:batch]
    ):
        moves: dict[str, str] = {}
        for _pk, realm, name in people:
            key, *others = _name_keys(name, realm=realm)
            moves |= dict.fromkeys(others, key)
        moved += _carry(moves, now=now)
        last = people[-1][0]
    return moved


def _strangers_keys(name: str, *, realm: str) -> list[str]:
    return [strangers_key(key) for key in _name_keys(name, realm=realm)]


def _browser_keys(user: User) -> list[str]:
    return [browser_key(browser) for browser in user.browsers.all()]


def _keys(user: User) -> list[str]:
    return [*_strangers_keys(user.username, realm=user.realm), *_browser_keys(user)]


def _standing(keys: Iterable[str], *, rules: Rules, now: datetime) -> list[Taken]:
    limits = [limit for limit in (PASSWORD, lockout(rules)) if limit is not None]
    found = [standing(limit, key, now=now) for key in keys for limit in limits]
    return [one for one in found if one is not None]


def standing_of(user: User, *, rules: Rules, now: datetime) -> list[Taken]:
    """What is counted against this person at the moment, for the administrator's page."""
    return _standing(_keys(user), rules=rules, now=now)


_OF_PERSON = (CODES_A_DAY, CODES_AT_ONCE, HELP, RECOVERY)


def used_up_by(user: User, *, now: datetime) -> list[Taken]:
    """What this person has used up beside tries, of what *Unlock* gives anew."""
    return [one for one in standings(_OF_PERSON, str(user.uid), now=now) if not one.remaining]


def standing_of_name(name: str, *, realm: Realm, rules: Rules, now: datetime) -> list[Taken]:
    """What is counted against this name, whether or not somebody has it, in browsers that are new to its person."""
    return _standing(_strangers_keys(name, realm=realm), rules=rules, now=now)


def standing_in_browsers(user: User, *, rules: Rules, now: datetime) -> list[Taken]:
    """What is counted in browsers in which this person has signed in before."""
    return _standing(_browser_keys(user), rules=rules, now=now)


def unlock_user(user: User, *, by: Actor, now: datetime) -> Denied | None:
    """Take every lock from the account, and forget the tries counted against it."""
    with unit():
        # Held before it is judged, so that nobody rises above the actor meanwhile, and of many who unlock at once one has done it.
        found = (
            User.objects.select_for_update(of=("self",), no_key=True)
            .select_related("company")
            .filter(pk=user.pk)
            .first()
        )
        refusal = NOT_FOUND if found is None else refuse_touch(found, verb="change", by=by)
        if refusal is not None:
            return refusal
        by_name = [(limit, key) for limit in _BY_NAME for key in _keys(user)]
        of_person = [(limit, str(user.uid)) for limit in _OF_PERSON]
        released = release(*by_name, *of_person)
        was_locked = (
            User.objects.filter(pk=user.pk)
            .exclude(locked_at=None, codes_paused_until=None)
            .update(
                locked_at=None,
                locked_reason="",
                codes_paused_until=None,
                unlocked_at=now,
                security_version=F("security_version") + 1,
            )
        )
        if not released and not was_locked:
            return NOT_LOCKED
        epoch.bump()
        record(
            Event.USER_UNLOCKED,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            counters=released,
        )
    return None


def _account_of(person: Person) -> User | None:
    """The account of an external person; one that a directory has put into another company than the tenant's is that company's matter."""
    account = User.objects.filter(source_id=person.uid).first()
    linked = company_of_tenant(person.tenant.dbid)
    return account if account is None or linked in {None, account.company_id} else None


def is_held_back(person: Person, *, now: datetime) -> bool:
    """Whether there is something to unlock: tries counted for the name of an external person, or a lock on the account here."""
    account = _account_of(person)
    keys = _strangers_keys(person.name, realm=Realm.EXTERNAL)
    if account is not None:
        if account.locked_at is not None or (account.codes_paused_until or now) > now:
            return True
        keys += _browser_keys(account)
    return any(standing(limit, key, now=now) is not None for limit in _BY_NAME for key in keys)


def unlock_person(person: Person, *, by: Actor, now: datetime) -> Denied | None:
    """The same for an external person, whose name is counted whether or not there is an account here yet."""
    with unit():
        refusal = refuse_touch_person(person, verb="change", by=by)
        if refusal is not None:
            return refusal
        keys = _strangers_keys(person.name, realm=Realm.EXTERNAL)
        released = release(*((limit, key) for limit in _BY_NAME for key in keys))
        account = _account_of(person)
        refusal = NOT_LOCKED if account is None else unlock_user(account, by=by, now=now)
        if refusal is None or not released:
            return refusal
        record(
            Event.USER_UNLOCKED,
            origin=by.origin,
            at=now,
            company_id=by.company_of_tenant(person.tenant.dbid),
            subject=person,
            counters=released,
        )
    return None
