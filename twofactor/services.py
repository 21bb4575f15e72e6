"""What is asked of a person, and the codes: sent, checked, counted. Nothing here knows pages or attempts, only who asked."""

import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.limits import CODES_A_DAY, CODES_AT_ONCE
from accounts.models import Browser, Session, User
from accounts.notices import language_of, notify
from accounts.principal import roles_of
from accounts.sessions import end_all
from audit.events import Event
from audit.record import Origin, record
from core import entropy, epoch
from core.db import unit
from core.options import Snapshot
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot, Update, Write
from core.throttle import first_refusal, settle, take_all, too_many
from delivery.derived import Derived
from delivery.models import Delivery
from delivery.services import cancel, enqueue
from tenants.actor import Actor
from tenants.roles import RoleGiven
from tenants.settings import snapshot
from twofactor.models import Challenge, Factor, FactorKind, Purpose
from twofactor.options import (
    DIGITS,
    EMAIL_FROM,
    EMAIL_SUBJECT,
    EXPIRY,
    MAX_CHECKS,
    MAX_SENDS,
    NO_CONTACT,
    POLICY,
)
from twofactor.policy import is_needed, strictest

COOL_DOWN = timedelta(seconds=15)
LOOK_BACK = 10  # the most codes that the settings allow
WAIT = timedelta(minutes=10)
CODE_PURPOSE = "twofactor"

WRONG = Denied(code="try_again", field="code", message=_("This code is not right. Check it and try again."))
LATE = Denied(
    code="code_expired", field="code", message=_("This code is no longer good. Ask for another one.")
)
SENDS_USED_UP = Denied(code="sends_used_up", message=_("No further code can be sent for this sign-in."))
CHECKS_USED_UP = Denied(code="checks_used_up", message=_("This code was tried too often."))
NOT_VERIFIED = Denied(
    code="not_verified", message=_("Verify the e-mail address first; codes go only to a verified one.")
)
CANNOT_REMOVE = Denied(
    code="factor_required",
    message=_("A second factor is required of you, and this is the last one. Add another one first."),
)


_CODES = Select(lambda: Challenge.objects.filter(asked_by=Slot("asked_by")).order_by("-id")[:LOOK_BACK])
_NEWEST_LOCKED = Select(
    lambda: (
        Challenge.objects.select_for_update()
        .filter(asked_by=Slot("asked_by"), purpose=Slot("purpose"))
        .order_by("-id")[:1]
    )
)
_FACTORS = Select(lambda: Factor.objects.filter(user=Slot("user")).order_by().values_list("pk", flat=True))
_USED = Update(lambda: Factor.objects.filter(user=Slot("user"), kind=Slot("kind")), last_used_at=Slot("now"))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of one person: the policy, whether a second factor is needed, by which methods, and what happens with none."""

    policy: str
    needed: bool
    methods: tuple[str, ...]
    without_method: str


def policy_for(user: User) -> str:
    """The strictest of the global policy, the company's and those of the person's roles."""
    return _policy(user, roles_of(user))


def _policy(user: User, roles: Iterable[RoleGiven]) -> str:
    return strictest([snapshot(user.company_id).text(POLICY), *(role.twofactor_policy for role in roles)])


def asked_of(user: User, *, roles: Iterable[RoleGiven]) -> Asked:
    """What is asked of this person, who has these roles, at sign-in."""
    policy = _policy(user, roles)
    turned_on = policy == "optional" and bool(_FACTORS(user=user.pk))
    methods = (FactorKind.EMAIL.value,) if user.email and user.email_verified_at else ()
    return Asked(
        policy=policy,
        needed=is_needed(policy, turned_on=turned_on),
        methods=methods,
        without_method=snapshot(user.company_id).text(NO_CONTACT),
    )


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
    purpose: Purpose,
    asked_by: uuid.UUID,
    sent: Sequence[Challenge],
    address: str,
    settings: Snapshot,
    origin: Origin,
    now: datetime,
    since: datetime | None = None,
    mail: Callable[[Challenge], Delivery] | None = None,
) -> Challenge | Denied:
    """Inside a unit, with the asking row locked and then the codes `sent` so far read: ask for one more, to this address.

    Sends are counted per asker and per person and day.
    """
    if _count(sent, since=since) >= settings.number(MAX_SENDS):
        return SENDS_USED_UP
    if sent and now - sent[0].created_at < COOL_DOWN:
        return _just_sent(math.ceil((sent[0].created_at + COOL_DOWN - now).total_seconds()))
    if (refused := _take_send(user, now=now)) is not None:
        return refused
    challenge = Challenge(
        user=user,
        purpose=purpose,
        asked_by=asked_by,
        kind=FactorKind.EMAIL,
        address=address,
        digits=settings.number(DIGITS),
        created_at=now,
        expires_at=now + timedelta(minutes=settings.number(EXPIRY)),
    )
    if sent and sent[0].delivery_uid is not None:
        # Held up, it would arrive after the new one, and whoever types what came last would type a code that is dead.
        cancel(sent[0].delivery_uid)
    mail = mail or partial(mail_code, user=user, settings=settings, origin=origin, now=now)
    challenge.delivery_uid = mail(challenge).uid
    Insert(challenge).last()
    record(
        Event.LOGIN_CODE_SENT,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=challenge.kind,
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


def _take_send(user: User, *, now: datetime) -> Denied | None:
    daily, burst = taken = take_all(
        [(limit, str(user.uid)) for limit in (CODES_A_DAY, CODES_AT_ONCE)], now=now
    )
    if burst.refused and not daily.refused:
        settle(one=[(CODES_A_DAY, str(user.uid))])  # nothing was sent
    return first_refusal(taken)


def mail_code(
    challenge: Challenge, user: User, *, settings: Snapshot, origin: Origin, now: datetime
) -> Delivery:
    """Inside a unit: the mail with the code of this challenge."""
    with translation.override(language_of(user)):
        subject = settings.text(EMAIL_SUBJECT) or str(
            _("Your sign-in code")
            if challenge.purpose == Purpose.SIGN_IN
            else _("Verify your e-mail address")
        )
    return enqueue(
        to=challenge.address,
        template="code" if challenge.purpose == Purpose.SIGN_IN else "verify",
        language=language_of(user),
        subject=subject,
        context={
            "display_name": user.display_name,
            "expires_minutes": settings.number(EXPIRY),
            "address": origin.address,
            "at": now.isoformat(),
        },
        secret=Derived(kind="code", purpose=CODE_PURPOSE, id=str(challenge.uid), digits=challenge.digits),
        from_address=settings.text(EMAIL_FROM),
        company_id=user.company_id,
        company_uid=user.company.uid if user.company else None,
        user_uid=user.uid,
        now=now,
        expires_at=challenge.expires_at,
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
    """Inside a unit: count one check of the newest code, and use it up when it is right. What is refused is written down."""
    checked = _checked(code, purpose=purpose, asked_by=asked_by, settings=settings, now=now)
    if isinstance(checked, Denied):
        record(
            Event.LOGIN_CODE_REFUSED,
            origin=origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            reason=checked.code,
            purpose=str(purpose),
        )
    return checked


def _checked(
    code: str, *, purpose: Purpose, asked_by: uuid.UUID, settings: Snapshot, now: datetime
) -> Challenge | Denied:
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
    right = entropy.is_derived_code(
        code, purpose=CODE_PURPOSE, id=str(challenge.uid), digits=challenge.digits
    )
    if right:
        challenge.used_at = now
    Write(challenge, "checks", "used_at").last()
    return challenge if right else WRONG


def note_factor_use(user: User, *, kind: str, now: datetime) -> None:
    """Remember when the factor last proved the person."""
    _USED.last(user=user.pk, kind=kind, now=now)


def add_factor(user: User, *, kind: FactorKind, origin: Origin, now: datetime) -> Factor | Denied:
    """Turn a second factor on; remembered browsers no longer stand for it. For e-mail, a verified address."""
    if not user.email_verified_at:
        return NOT_VERIFIED
    with unit():
        factor, created = Factor.objects.get_or_create(user=user, kind=kind, defaults={"created_at": now})
        if created:
            _security_changed(user)
            record(
                Event.FACTOR_ADDED,
                origin=origin,
                at=now,
                company_id=user.company_id,
                subject=user,
                kind=str(kind),
            )
    return factor


def remove_factor(factor: Factor, *, session: Session, by: Actor, now: datetime) -> Denied | None:
    """Turn a second factor off in this session; the person's other ones end. Refused for the last one where one is required."""
    user = factor.user
    with unit():
        # Held, so that two factors turned off at once do not each count on the other.
        User.objects.select_for_update().get(pk=user.pk)
        if policy_for(user) == "required" and not user.factors.exclude(pk=factor.pk).exists():
            return CANNOT_REMOVE
        factor.delete()
        _security_changed(user)
        record(
            Event.FACTOR_REMOVED,
            origin=by.origin,
            at=now,
            company_id=user.company_id,
            subject=user,
            kind=factor.kind,
        )
        notify(user, to=[user.email], sentence="factor_removed", origin=by.origin, now=now)
        end_all(user, reason="factor_removed", origin=by.origin, now=now, but=session)
    return None


def _security_changed(user: User) -> None:
    User.objects.filter(pk=user.pk).update(security_version=F("security_version") + 1)
    user.security_version += 1
    epoch.bump()


def forget_browser(browser: Browser, *, origin: Origin, now: datetime) -> None:
    """The browser no longer stands for the second factor."""
    with unit():
        Browser.objects.filter(pk=browser.pk).update(remembered_until=None, remembered_version=None)
        record(
            Event.DEVICE_FORGOTTEN,
            origin=origin,
            at=now,
            company_id=browser.user.company_id,
            subject=browser.user,
        )
