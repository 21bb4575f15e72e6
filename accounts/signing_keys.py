"""The keys that sign our tokens, as they come and go: by the clock, and by an administrator."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import SigningKey
from accounts.options import SIGNING_KEY_DAYS
from accounts.tokens import rotation
from accounts.tokens.keys import make_key, signing_row, turn_of
from accounts.tokens.rotation import VERIFYING, Standing
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.db import unit
from core.draft import NOT_FOUND
from core.outcomes import FORBIDDEN, Denied
from core.sealed import NOTHING
from tenants.actor import Actor
from tenants.rules import may_touch
from tenants.settings import snapshot

KIND = str(SigningKey.scope_kind)
NOTHING_LEFT = Denied(code="not_live", message=_("What this key has signed does not hold any more as it is."))


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """Where a key stands."""

    standing: Standing
    active_until: datetime | None  # when it handed over, or will
    gone_at: datetime | None  # when the last thing that it signed ends


def _period() -> timedelta:
    return timedelta(days=snapshot(None).number(SIGNING_KEY_DAYS))


def states(*, now: datetime) -> dict[int, KeyState]:
    """Where every key stands, by its number."""
    turns = [turn_of(row) for row in SigningKey.objects.defer("private", "rsa_private", "public")]
    ends, gone = rotation.ends(turns), rotation.gone_at(turns)
    return {
        number: KeyState(standing=standing, active_until=ends[number], gone_at=gone[number])
        for number, standing in rotation.standings(turns, now=now).items()
    }


def stands_still(*, now: datetime) -> bool:
    """Whether nobody makes new keys although they are due; asks the database nothing that is known already."""
    signing = signing_row(now=now)
    return signing is not None and rotation.is_late(turn_of(signing), period=_period(), now=now)


def ensure_keys(*, now: datetime) -> int:
    """Publish the key that is due, and erase the private keys of those that have gone; how many rows changed. Harmless at any time."""
    turns = [turn_of(row) for row in SigningKey.objects.defer("private", "rsa_private", "public")]
    due = rotation.next_turn(turns, period=_period(), now=now)
    number = max((turn.number for turn in turns), default=0) + 1
    made = due is not None and make_key(number=number, active_from=due, origin=Origin(), now=now) is not None
    gone = [
        number for number, standing in rotation.standings(turns, now=now).items() if standing not in VERIFYING
    ]
    return int(made) + _erase(gone, now=now)


def _erase(numbers: list[int], *, now: datetime) -> int:
    """Forget the private keys with these numbers, which nothing needs any more."""
    erased = 0
    with unit():
        held = SigningKey.objects.filter(number__in=numbers).exclude(private=NOTHING)
        for row in held.order_by("number"):
            if held.filter(pk=row.pk).update(private=NOTHING, rsa_private=NOTHING):
                erased += 1
                record(Event.SIGNING_KEY_ERASED, origin=Origin(), at=now, subject=row, kid=row.kid)
        if erased:
            epoch.bump()
    return erased


def _refuse(by: Actor, verb: str) -> Denied | None:
    if not may_touch(by.rights, "view", KIND, company_id=None):
        return NOT_FOUND
    return None if may_touch(by.rights, verb, KIND, company_id=None) else FORBIDDEN


def _hold() -> list[SigningKey]:
    """Inside a unit: every key, held to the end, so that of two verbs at once the second sees what the first has done."""
    return list(SigningKey.objects.select_for_update(no_key=True).order_by("pk"))


def _made(*, origin: Origin, now: datetime) -> SigningKey:
    """A key that signs from now on; the clock may take a number at the same moment, and then the next one is free."""
    key = None
    while key is None:
        newest = SigningKey.objects.order_by("-number").values_list("number", flat=True).first() or 0
        key = make_key(number=newest + 1, active_from=now, origin=origin, now=now)
    return key


def rotate_now(*, by: Actor, now: datetime) -> SigningKey | Denied:
    """Let another key sign from now on. What the one before has signed goes on holding."""
    if (refusal := _refuse(by, "add")) is not None:
        return refusal
    with unit():
        rows = {row.number: row for row in _hold()}
        standing = rotation.standings(map(turn_of, rows.values()), now=now)
        waiting = sorted(number for number, one in standing.items() if one is Standing.PUBLISHED)
        if waiting:
            # Who checks elsewhere knows it already.
            key = rows[waiting[0]]
            SigningKey.objects.filter(pk=key.pk).update(active_from=now)
            epoch.bump()
        else:
            key = _made(origin=by.origin, now=now)
        record(Event.SIGNING_KEY_ROTATED, origin=by.origin, at=now, subject=key, kid=key.kid)
    key.refresh_from_db()
    return key


def revoke_key(key: SigningKey, *, by: Actor, now: datetime) -> SigningKey | Denied:
    """Let nothing that this key signed hold any longer, everywhere within a second. Where it was the one that signs, a new one does."""
    if (refusal := _refuse(by, "change")) is not None:
        return refusal
    with unit():
        rows = {row.number: row for row in _hold()}
        standing = rotation.standings(map(turn_of, rows.values()), now=now)
        if standing.get(key.number) not in VERIFYING:
            return NOTHING_LEFT
        _revoke([key], origin=by.origin, now=now)
        # Never the one that is published: it lay beside the one that was found out.
        if standing[key.number] is Standing.ACTIVE:
            _made(origin=by.origin, now=now)
    key.refresh_from_db()
    return key


def _revoke(keys: list[SigningKey], *, origin: Origin, now: datetime) -> None:
    for key in keys:
        SigningKey.objects.filter(pk=key.pk).update(revoked_at=now, private=NOTHING, rsa_private=NOTHING)
        record(Event.SIGNING_KEY_REVOKED, origin=origin, at=now, subject=key, kid=key.kid)
    epoch.bump()


def begin_anew(*, now: datetime) -> int:
    """Inside a unit: revoke every key that is left, and make another one; how many were revoked."""
    left = list(SigningKey.objects.filter(revoked_at=None).exclude(private=NOTHING).order_by("number"))
    if left:
        _revoke(left, origin=Origin(), now=now)
        _made(origin=Origin(), now=now)
    return len(left)
