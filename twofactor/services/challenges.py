"""Asking a person for a second proof: codes sent or prompts put, checked, counted. Nothing here knows pages or attempts, only who asked.

An answer that needs a hash or the network is counted first (`reserve`), judged outside of any unit, and then settled (`conclude`), so
that fifty tries at once are fifty checks, and not one more is put to the other side than the settings allow.
"""

import math
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.limits import APPS_BEGUN, CODES_A_DAY, CODES_AT_ONCE
from accounts.models import User
from accounts.texts import Use, caps_on, refuse_capped, refuse_number
from audit.events import Event
from audit.record import Origin, record
from core import sealed
from core.options import Snapshot
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot, Update, Write
from core.throttle import first_refusal, take_all_or_none, too_many
from delivery.models import Delivery
from delivery.services import cancel
from twofactor.methods import METHODS
from twofactor.methods.base import Again, Judged, Right, Unavailable, Wrong
from twofactor.models import MANY, Challenge, Factor, FactorKind, Purpose
from twofactor.options import DIGITS, EXPIRY, MAX_CHECKS, MAX_SENDS
from twofactor.services.messages import message_with_code

COOL_DOWN = timedelta(seconds=15)
LOOK_BACK = 10  # the most codes that the settings allow
WAIT = timedelta(minutes=10)

WRONG = Denied(code="try_again", field="code", message=_("This code is not right. Check it and try again."))
LATE = Denied(
    code="code_expired", field="code", message=_("This code is no longer good. Ask for another one.")
)
SENDS_USED_UP = Denied(code="sends_used_up", message=_("No further code can be sent for this sign-in."))
CHECKS_USED_UP = Denied(code="checks_used_up", message=_("This code was tried too often."))
UNJUDGED = Denied(
    code="unavailable",
    field="code",
    message=_("The code could not be checked, because whoever checks it does not answer. Enter a new one."),
)
ANEW = Denied(
    code="try_again",
    field="code",
    message=_("This answer is not right, so it begins anew: enter the first code again."),
)
ONE_MORE = Denied(code="try_again", field="code", message=_("One more answer is asked for."))


_CODES = Select(lambda: Challenge.objects.filter(asked_by=Slot("asked_by")).order_by("-id")[:LOOK_BACK])
_NEWEST_LOCKED = Select(
    lambda: (
        Challenge.objects.select_for_update()
        .filter(asked_by=Slot("asked_by"), purpose=Slot("purpose"))
        .order_by("-id")[:1]
    )
)
_USED = Update(lambda: Factor.objects.filter(user=Slot("user"), kind=Slot("kind")), last_used_at=Slot("now"))
_LAST = Update(lambda: User.objects.filter(pk=Slot("user")), last_factor=Slot("kind"))


def codes_of(asked_by: uuid.UUID) -> list[Challenge]:
    """The codes that this attempt or session asked for, the newest first: as many as the settings can ever allow."""
    return _CODES(asked_by=asked_by)


def newest(codes: Sequence[Challenge], *, purpose: Purpose) -> Challenge | None:
    """The code that counts: the newest for this purpose."""
    return next((one for one in codes if one.purpose == purpose), None)


def _count(codes: Sequence[Challenge], *, since: datetime | None) -> int:
    return sum(since is None or one.created_at > since for one in codes)


def sends_left(codes: Sequence[Challenge], *, settings: Snapshot, since: datetime | None) -> int:
    """How many codes may still be asked for, after these."""
    return max(0, settings.number(MAX_SENDS) - _count(codes, since=since))


def checks_left(challenge: Challenge, *, settings: Snapshot) -> int:
    """How often this code may still be tried."""
    return max(0, settings.number(MAX_CHECKS) - challenge.checks)


def cool_down_left(challenge: Challenge | None, *, now: datetime) -> int:
    """Seconds until another code like this one may be asked for."""
    if challenge is None or not METHODS[challenge.kind].sends:
        return 0
    return max(0, math.ceil((challenge.created_at + COOL_DOWN - now).total_seconds()))


def refuse_while_waiting(user: User, *, now: datetime) -> Denied | None:
    """`too_many` while the person has to wait after too many codes or tries."""
    until = user.codes_paused_until
    return too_many(math.ceil((until - now).total_seconds())) if until is not None and until > now else None


def make_wait(user: User, *, now: datetime) -> Denied:
    """Let no code be sent to or checked for this person for ten minutes."""
    User.objects.filter(pk=user.pk).update(codes_paused_until=now + WAIT)
    return too_many(round(WAIT.total_seconds()))


def send_code(
    user: User,
    *,
    kind: str = FactorKind.EMAIL.value,
    purpose: Purpose,
    asked_by: uuid.UUID,
    sent: Sequence[Challenge],
    address: str = "",
    settings: Snapshot,
    origin: Origin,
    now: datetime,
    since: datetime | None = None,
    factor: Factor | None = None,
    again: Again | None = None,
    mail: Callable[[Challenge], Delivery] | None = None,
) -> Challenge | Denied:
    """Inside a unit, with the asking row locked and then the codes `sent` so far read: send one more code, or put one more prompt.

    Both count as a send: per asker, and per person and day.
    """
    sends = METHODS[kind].sends
    if _count(sent, since=since) >= settings.number(MAX_SENDS):
        return SENDS_USED_UP
    last = next((one for one in sent if one.kind == kind), None) if sends else None
    if last is not None and now - last.created_at < COOL_DOWN:
        return _just_sent(math.ceil((last.created_at + COOL_DOWN - now).total_seconds()))
    if (refused := _take_send(user, kind, address, purpose, origin=origin, now=now)) is not None:
        return refused
    challenge = Challenge(
        user=user,
        purpose=purpose,
        asked_by=asked_by,
        kind=kind,
        address=address,
        factor=factor,
        digits=settings.number(DIGITS),
        created_at=now,
        expires_at=now + timedelta(minutes=settings.number(EXPIRY)),
    )
    if again is not None:
        challenge.prompt, challenge.state = again.prompt[:500], sealed.seal(challenge, "state", again.state)
    if sent and sent[0].delivery_uid is not None:
        # Held up, it would arrive after the new one, and whoever types what came last would type a code that is dead.
        cancel(sent[0].delivery_uid)
    if sends:
        mail = mail or partial(message_with_code, user=user, settings=settings, origin=origin, now=now)
        challenge.delivery_uid = mail(challenge).uid
    Insert(challenge).last()
    record(
        Event.LOGIN_CODE_SENT if sends else Event.LOGIN_CODE_ASKED,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=kind,
        purpose=str(purpose),
    )
    return challenge


def _just_sent(seconds: int) -> Denied:
    sentence = ngettext(
        "A code was sent a moment ago. Please wait %(seconds)s second before you ask for another one.",
        "A code was sent a moment ago. Please wait %(seconds)s seconds before you ask for another one.",
        seconds,
    )
    return Denied(code="too_many", message=sentence % {"seconds": seconds}, retry_after=seconds)


def _take_send(
    user: User, kind: str, address: str, purpose: Purpose, *, origin: Origin, now: datetime
) -> Denied | None:
    """Count one send against all that bounds it; of what is refused nothing is counted, for nothing was sent."""
    sets_up_an_app = purpose == Purpose.CONTACT and not METHODS[kind].sends
    limits = (APPS_BEGUN,) if sets_up_an_app else (CODES_A_DAY, CODES_AT_ONCE)
    own, caps = [(limit, str(user.uid)) for limit in limits], []
    if kind == FactorKind.SMS:
        refused = refuse_number(user, address, origin=origin, now=now)
        if refused is not None:
            return refused
        caps = caps_on(address, use=Use.SIGN_IN if purpose == Purpose.SIGN_IN else Use.VERIFY)
    taken = take_all_or_none([*own, *caps], now=now)
    return first_refusal(taken[: len(own)]) or refuse_capped(
        user, address, taken[len(own) :], origin=origin, now=now
    )


def check_code(
    code: str,
    user: User,
    *,
    purpose: Purpose,
    asked_by: uuid.UUID,
    settings: Snapshot,
    origin: Origin,
    now: datetime,
) -> Challenge | Denied:
    """Inside a unit: count one check of the newest code, and use it up when it is right. What is refused is written down.

    Spaces and dashes, which people type between digits, are left out.
    """
    code = "".join(one for one in code if one not in " -\u00a0")
    challenge = _counted(purpose=purpose, asked_by=asked_by, settings=settings, now=now)
    if isinstance(challenge, Denied):
        return _noted(challenge, user, purpose=purpose, origin=origin, now=now)
    if not METHODS[challenge.kind].is_right(code, challenge, now=now):
        Write(challenge, "checks").last()
        return _noted(WRONG, user, purpose=purpose, origin=origin, now=now)
    challenge.used_at = now
    Write(challenge, "checks", "used_at").last()
    return challenge


def reserve(
    user: User | None,
    *,
    purpose: Purpose,
    asked_by: uuid.UUID,
    settings: Snapshot,
    origin: Origin,
    now: datetime,
) -> Challenge | Denied:
    """Inside a unit: count one check of the newest prompt, whose answer is judged after it. `user` None: it will tell whose it is."""
    challenge = _counted(purpose=purpose, asked_by=asked_by, settings=settings, now=now)
    if isinstance(challenge, Denied):
        return _noted(challenge, user, purpose=purpose, origin=origin, now=now)
    Write(challenge, "checks").last()
    return challenge


def conclude(
    reserved: Challenge, judged: Judged, user: User | None, *, origin: Origin, now: datetime
) -> Challenge | Denied:
    """Inside a unit: put in force what was judged of a reserved check. UNJUDGED and ONE_MORE want a new prompt."""
    purpose = Purpose(reserved.purpose)
    challenge = _NEWEST_LOCKED.first(asked_by=reserved.asked_by, purpose=purpose)
    if challenge is None or challenge.uid != reserved.uid or challenge.used_at is not None:
        return _noted(LATE, user, purpose=purpose, origin=origin, now=now)
    if isinstance(judged, Right) and METHODS[challenge.kind].use_up(judged, challenge, now=now):
        challenge.used_at = now
        Write(challenge, "used_at").last()
        return challenge
    if isinstance(judged, Unavailable):
        challenge.checks, challenge.expires_at = max(0, challenge.checks - 1), now
        Write(challenge, "checks", "expires_at").last()
        return _noted(UNJUDGED, user, purpose=purpose, origin=origin, now=now, why=judged.reason)
    if isinstance(judged, Again):
        challenge.used_at = now
        Write(challenge, "used_at").last()
        return ONE_MORE
    reason = judged.reason if isinstance(judged, Wrong) else ""
    return _noted(WRONG, user, purpose=purpose, origin=origin, now=now, reason=reason)


def _noted(
    denied: Denied,
    user: User | None,
    *,
    purpose: Purpose,
    origin: Origin,
    now: datetime,
    reason: str = "",
    **more: str,
) -> Denied:
    record(
        Event.LOGIN_CODE_REFUSED,
        origin=origin,
        at=now,
        company_id=user.company_id if user is not None else None,
        subject=user,
        reason=reason or denied.code,
        purpose=str(purpose),
        **more,
    )
    return denied


def _counted(
    *, purpose: Purpose, asked_by: uuid.UUID, settings: Snapshot, now: datetime
) -> Challenge | Denied:
    """The newest code with one more check, not written yet; or why it cannot be checked."""
    challenge = _NEWEST_LOCKED.first(asked_by=asked_by, purpose=purpose)
    if challenge is None:
        return WRONG
    if challenge.used_at is not None or now >= challenge.expires_at:
        return LATE
    if challenge.checks >= settings.number(MAX_CHECKS):
        # Spent: where the person has to wait, typing it again after the wait must not begin another one.
        challenge.expires_at = now
        Write(challenge, "expires_at").last()
        return CHECKS_USED_UP
    challenge.checks += 1
    return challenge


def note_factor_use(user: User, *, kind: str, now: datetime) -> None:
    """Inside a unit: remember which factor proved the person last."""
    if kind not in MANY:  # of those each row remembers its own
        _USED.last(user=user.pk, kind=kind, now=now)
    if user.last_factor != kind:
        user.last_factor = kind
        _LAST.last(user=user.pk, kind=kind)
