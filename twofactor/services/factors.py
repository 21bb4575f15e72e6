"""Factors that a person turns on, names, prefers and turns off. Each change is told to the person."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Session, User
from accounts.notices import notify, verified_channels
from accounts.sessions import end_all
from audit.events import Event
from audit.record import Origin, record
from core import entropy, epoch, oath, sealed
from core.db import unit
from core.outcomes import Denied
from core.text import is_one_line
from tenants.actor import Actor
from tenants.settings import snapshot
from twofactor.methods import recovery, totp
from twofactor.models import MANY, Factor, FactorKind, RecoveryCode
from twofactor.options import GENERATION
from twofactor.policy import CONTACTS, PROVIDED, SPARE, allowed, stands
from twofactor.services.asked import Provided, policy_for, verified_contacts
from twofactor.services.challenges import WRONG

MOST_OF_A_KIND = 10
NAME_LENGTH = 60
PENDING_FOR = timedelta(minutes=30)  # that an app may wait for its first code
DIGITS = (6, 8)

NOT_VERIFIED = Denied(
    code="not_verified", message=_("Verify the e-mail address first; codes go only to a verified one.")
)
NUMBER_NOT_VERIFIED = Denied(
    code="not_verified", message=_("Verify the phone number first; codes go only to a verified one.")
)
CANNOT_REMOVE = Denied(
    code="factor_required",
    message=_("A second factor is required of you, and this is the last one. Add another one first."),
)
NOT_PERMITTED = Denied(
    code="method_not_permitted", message=_("Your organisation does not use this kind of second factor.")
)
NOT_ANSWERING = Denied(
    code="unavailable",
    message=_(
        "What your organisation checks codes with does not answer right now. Please try again in a moment."
    ),
)
TOO_MANY = Denied(
    code="too_many_factors", message=_("You have ten of this kind. Remove one before you add another one.")
)
NOTHING_TO_SPARE = Denied(
    code="factor_needed_first",
    message=_("Recovery codes stand in for another factor. Turn one on first."),
)
BAD_NAME = Denied(code="invalid", field="name", message=_("Enter one line of at most 60 characters."))
NOT_SO = Denied(
    code="invalid", field="kind", message=_("This kind is set up step by step and cannot be turned on alone.")
)
GONE = Denied(code="not_found", message=_("This second factor is no longer there."))
TOO_LATE = Denied(code="expired", message=_("This took too long. Begin again."))
SESSION_ENDED = Denied(code="expired", message=_("Your session has ended. Please sign in again."))


def confirmed(user: User) -> Sequence[Factor]:
    """The factors that are in force, the oldest first."""
    return list(Factor.objects.filter(user=user.pk, confirmed_at__isnull=False))


def own_factor(user: User, uid: uuid.UUID) -> Factor | None:
    """One of this person's factors, in force or not."""
    return Factor.objects.select_related("user__company").filter(user=user.pk, uid=uid).first()


def names_of(kind: str, user: User) -> str:
    """What the person calls the factors of a kind of which there may be several, so that he knows which to take in hand."""
    if kind not in MANY:
        return ""
    rows = Factor.objects.filter(user=user.pk, kind=kind, confirmed_at__isnull=False).exclude(name="")
    return ", ".join(rows.values_list("name", flat=True)[:3])


def is_permitted(kind: str, user: User) -> bool:
    """Whether the settings leave this kind of factor."""
    return kind in allowed(snapshot(user.company_id).text(GENERATION))


def may_add(user: User, kind: str, *, provided: Provided) -> Denied | None:
    """Why this person cannot turn this kind on now."""
    settings = snapshot(user.company_id)
    if not is_permitted(kind, user):
        return NOT_PERMITTED
    if kind in CONTACTS and kind not in verified_contacts(user, settings):
        return NOT_VERIFIED if kind == FactorKind.EMAIL else NUMBER_NOT_VERIFIED
    if kind in PROVIDED and kind not in provided.kinds:
        return NOT_ANSWERING if provided.unknown else NOT_PERMITTED
    return None


def add_factor(
    user: User,
    *,
    kind: FactorKind,
    origin: Origin,
    now: datetime,
    provided: Provided | None = None,
    name: str = "",
    session: Session | None = None,
) -> Factor | Denied:
    """Turn on a factor that needs no set-up: codes to a verified address, or what the organisation provides."""
    if kind in {*MANY, FactorKind.RECOVERY}:
        return NOT_SO  # such a row would be a factor in force that nothing can prove
    if not _is_name(name):
        return BAD_NAME
    if (denied := may_add(user, kind, provided=provided or Provided())) is not None:
        return denied
    with unit():
        # Held, for of two that are turned on at once the second one's row must count the first.
        if (denied := hold(user, session=session)) is not None:
            return denied
        factor, created = Factor.objects.get_or_create(
            user=user, kind=kind, defaults={"created_at": now, "confirmed_at": now, "name": name.strip()}
        )
        if created:
            _added(factor, user, origin=origin, now=now)
    return factor


def begin_app(
    user: User, *, algorithm: str = "SHA1", digits: int = 6, name: str = "", now: datetime
) -> Factor | Denied:
    """A new authenticator app, with a seed of its own, which counts for nothing before its first code came back."""
    if algorithm not in oath.ALGORITHMS or digits not in DIGITS:
        return Denied(code="invalid", field="algorithm", message=_("Choose one that is offered."))
    if not _is_name(name):
        return BAD_NAME
    if (denied := may_add(user, FactorKind.TOTP, provided=Provided())) is not None:
        return denied
    with unit():
        hold(user)
        pending = Factor.objects.filter(user=user.pk, kind=FactorKind.TOTP, confirmed_at=None)
        pending.delete()
        if _has_most(user, FactorKind.TOTP):
            return TOO_MANY
        factor = Factor(
            user=user,
            kind=FactorKind.TOTP,
            name=name.strip(),
            created_at=now,
            algorithm=algorithm,
            digits=digits,
        )
        factor.secret = sealed.seal(factor, "secret", entropy.seed(oath.SEED_BYTES[algorithm]))
        factor.save()
    return factor


def setup_of(factor: Factor, *, issuer: str) -> dict[str, str]:
    """What an app is set up by: its seed, typed or as the address behind a QR code. Shown only while it is pending."""
    if factor.confirmed_at is not None:
        raise LookupError("the seed of an app in force is shown to nobody")
    seed = sealed.unseal(factor, "secret")
    account = factor.user.username
    address = oath.address(
        seed, issuer=issuer, account=account, algorithm=factor.algorithm, digits=factor.digits
    )
    return {"secret": oath.written(seed), "otpauth_url": address}


def is_waiting(factor: Factor, *, now: datetime) -> bool:
    """Whether an app still waits for its first code."""
    return factor.confirmed_at is None and now < factor.created_at + PENDING_FOR


def wrong_first_code(code: str, factor: Factor, *, now: datetime) -> Denied:
    """Why the first code of an app is refused: where it is one of another time, its clock is wrong."""
    minutes = totp.minutes_off(code, factor, now=now)
    if not minutes:
        return WRONG
    off = abs(minutes)
    sentence = ngettext(
        "The code is right for another time: the clock of your device is %(minutes)s minute off. Set it right and try again.",
        "The code is right for another time: the clock of your device is %(minutes)s minutes off. Set it right and try again.",
        off,
    )
    return Denied(code="try_again", field="code", message=sentence % {"minutes": off})


def put_in_force(factor: Factor, *, origin: Origin, now: datetime) -> Denied | None:
    """Inside a unit, once it has proved itself: from now on the pending factor counts."""
    user = factor.user
    hold(user)
    if not Factor.objects.filter(pk=factor.pk, confirmed_at=None).update(confirmed_at=now):
        return TOO_LATE
    factor.confirmed_at = now
    _added(factor, user, origin=origin, now=now)
    return None


def refuse_new(user: User, *, kind: FactorKind, name: str = "") -> Denied | None:
    """Why this person may not begin to turn on one more of this kind, under this name."""
    if not _is_name(name):
        return BAD_NAME
    return may_add(user, kind, provided=Provided()) or (TOO_MANY if _has_most(user, kind) else None)


def put_new_in_force(factor: Factor, *, origin: Origin, now: datetime) -> Denied | None:
    """Inside a unit, once it has proved itself: keep a factor that was never pending, and count it from now on."""
    user = factor.user
    hold(user)  # so that of ten at once no eleventh gets in
    if _has_most(user, factor.kind):
        return TOO_MANY
    factor.save()
    _added(factor, user, origin=origin, now=now)
    return None


def make_recovery_codes(
    user: User, *, session: Session | None = None, origin: Origin, now: datetime
) -> tuple[Factor, list[str]] | Denied:
    """Ten new codes, shown now and never again; those of before are worth nothing from now on."""
    if not stands(kinds_in_force(user)):
        return NOTHING_TO_SPARE
    factor = Factor(user=user, kind=FactorKind.RECOVERY, created_at=now, confirmed_at=now)
    codes, rows = recovery.made(factor)
    with unit():
        if (denied := hold(user, session=session)) is not None:
            return denied
        if not stands(kinds_in_force(user)):
            return NOTHING_TO_SPARE  # turned off while the hashes were computed
        Factor.objects.filter(user=user.pk, kind=FactorKind.RECOVERY).delete()
        factor.save()
        for row in rows:
            row.factor = factor
        RecoveryCode.objects.bulk_create(rows)
        _added(factor, user, origin=origin, now=now)
    return factor, codes


def change_factor(
    factor: Factor, *, name: str | None = None, preferred: bool | None = None, origin: Origin, now: datetime
) -> Factor | Denied:
    """Name a factor, or have it proposed first at sign-in."""
    if name is not None and not _is_name(name):
        return BAD_NAME
    user = factor.user
    with unit():
        hold(user)
        held = Factor.objects.filter(pk=factor.pk, confirmed_at__isnull=False).first()
        if held is None:
            return GONE
        before = held.name, user.preferred_factor
        if name is not None and name.strip() != held.name:
            factor.name = name.strip()
            Factor.objects.filter(pk=factor.pk).update(name=factor.name)
        if preferred is not None and preferred != (user.preferred_factor == factor.kind):
            user.preferred_factor = factor.kind if preferred else ""
            User.objects.filter(pk=user.pk).update(preferred_factor=user.preferred_factor)
        if before != (factor.name, user.preferred_factor):
            more = {"preferred": user.preferred_factor == factor.kind}
            _tell(Event.FACTOR_CHANGED, "factor_changed", factor, user, origin=origin, now=now, **more)
    return factor


def remove_factor(factor: Factor, *, session: Session, by: Actor, now: datetime) -> Denied | None:
    """Turn a second factor off in this session; the person's other ones end. Refused for the last one where one is required."""
    user = factor.user
    with unit():
        # Held, so that two factors turned off at once do not each count on the other.
        if (denied := hold(user, session=session)) is not None:
            return denied
        held = Factor.objects.filter(pk=factor.pk).first()
        if held is None:
            return GONE
        if held.confirmed_at is None:
            held.delete()  # it counted for nothing yet
            return None
        left = Factor.objects.filter(user=user.pk, confirmed_at__isnull=False).exclude(pk=factor.pk)
        others = [kind for kind in left.values_list("kind", flat=True) if kind != SPARE]
        if factor.kind != SPARE and policy_for(user) == "required" and _was_last(factor, others, user):
            return CANNOT_REMOVE
        factor.delete()
        if not others:
            left.delete()  # recovery codes stand in for another factor, and there is none
        _removed(factor, user, origin=by.origin, now=now)
        end_all(user, reason="factor_removed", origin=by.origin, now=now, but=session)
    return None


def _was_last(factor: Factor, others: Sequence[str], user: User) -> bool:
    """Whether nothing that the settings leave would stand without it. What they do not leave proves nothing and may go."""
    return is_permitted(factor.kind, user) and not any(is_permitted(kind, user) for kind in others)


def reset_factors(user: User, *, sentence: str, to: Sequence[str], origin: Origin, now: datetime) -> int:
    """Inside a unit: turn every factor off; all sessions of the person end, who is told by this sentence. The number of factors."""
    hold(user)
    rows = list(Factor.objects.filter(user=user.pk))
    for factor in rows:
        factor.delete()
    security_changed(user)
    # As somebody who never had one, who may set one up at the sign-in where the settings say so.
    User.objects.filter(pk=user.pk).update(last_factor="")
    user.last_factor = ""
    for factor in rows:
        _note(Event.FACTOR_REMOVED, factor, user, origin=origin, now=now)
    notify(user, to=to, sentence=sentence, origin=origin, now=now)
    end_all(user, reason="factor_removed", origin=origin, now=now)
    return len(rows)


def kinds_in_force(user: User) -> list[str]:
    """The kinds of factors that are in force, as the table says it."""
    rows = Factor.objects.filter(user=user.pk, confirmed_at__isnull=False)
    return sorted(set(rows.order_by().values_list("kind", flat=True)))


def security_changed(user: User) -> None:
    """Inside a unit: what stands for the second factor no longer does, and the person's row says what is turned on now."""
    User.objects.filter(pk=user.pk).update(security_version=F("security_version") + 1)
    user.security_version += 1
    note_kinds(user)


def note_kinds(user: User) -> None:
    """Inside a unit: the person's row says what is turned on now; what was proved before is as good as it was."""
    kinds = kinds_in_force(user)
    changes = {"factor_kinds": f",{','.join(kinds)}," if kinds else ""}
    if user.preferred_factor and user.preferred_factor not in kinds:
        changes["preferred_factor"] = ""
    User.objects.filter(pk=user.pk).update(**changes)
    for name, value in changes.items():
        setattr(user, name, value)
    epoch.bump()


def hold(user: User, *, session: Session | None = None) -> Denied | None:
    """Inside a unit: one change of a person's factors at a time; the person's row before any other, as everybody takes it.

    Refused where the session that asks has ended: other processes may believe in it for a moment longer.
    """
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    ended = session is not None and not Session.objects.filter(pk=session.pk, ended_at=None).exists()
    return SESSION_ENDED if ended else None


def _is_name(name: str) -> bool:
    return len(name.strip()) <= NAME_LENGTH and is_one_line(name)


def _has_most(user: User, kind: str) -> bool:
    return kind in MANY and Factor.objects.filter(user=user.pk, kind=kind).count() >= MOST_OF_A_KIND


def _added(factor: Factor, user: User, *, origin: Origin, now: datetime) -> None:
    security_changed(user)
    _tell(Event.FACTOR_ADDED, "factor_added", factor, user, origin=origin, now=now)


def _removed(factor: Factor, user: User, *, origin: Origin, now: datetime) -> None:
    security_changed(user)
    _tell(Event.FACTOR_REMOVED, "factor_removed", factor, user, origin=origin, now=now)


def _tell(
    event: Event, sentence: str, factor: Factor, user: User, *, origin: Origin, now: datetime, **more: bool
) -> None:
    _note(event, factor, user, origin=origin, now=now, **more)
    notify(
        user,
        to=verified_channels(user),
        sentence=sentence,
        origin=origin,
        now=now,
        factor=FactorKind(factor.kind).label,
    )


def _note(event: Event, factor: Factor, user: User, *, origin: Origin, now: datetime, **more: bool) -> None:
    record(
        event,
        origin=origin,
        at=now,
        company_id=user.company_id,
        subject=user,
        kind=factor.kind,
        name=factor.name,
        **more,
    )
