"""A lost second factor: after a waiting time a code to a verified address stands for it, once; then every factor is turned off.

Asked for with the first proof alone, so the person is told on every channel at once and again when the time has come, and ends it by the
link of the mail, by signing in with the factor, or by an administrator. NIST SP 800-63B-4, section 4.2: the password, and a recovery code
sent to a validated address. For whoever may open the administration two administrators make sure of the person instead.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings as django
from django.db.models import F, QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.limits import RECOVERY
from accounts.models import User
from accounts.notices import every_channel, language_of, notify
from accounts.texts import USED_UP
from accounts.tokens.links import lasting, read_lasting
from audit.events import Event
from audit.record import Origin, record
from core import epoch
from core.db import unit
from core.options import Snapshot
from core.outcomes import Denied
from core.throttle import take
from delivery.derived import PLACEHOLDER
from tenants.settings import snapshot
from twofactor.methods import kind_of
from twofactor.models import Recovery
from twofactor.options import GENERATION, RECOVERY_WAIT
from twofactor.policy import allowed
from twofactor.services.asked import verified_contacts
from twofactor.services.factors import hold, reset_factors
from twofactor.services.two_persons import takes_two

USABLE_FOR = timedelta(days=7)
LINK = "recovery"  # the purpose of the mailed link that ends it
PATH = "login/recovery"

SWITCHED_OFF = Denied(
    code="not_recoverable",
    message=_("A lost second factor cannot be replaced here. Please ask your administrator."),
)
NO_OTHER_ADDRESS = Denied(
    code="not_recoverable",
    message=_(
        "There is no other verified address or number of yours to which a code could be sent. Please ask your administrator."
    ),
)
TAKES_TWO = Denied(
    code="not_recoverable",
    message=_(
        "You may open the administration, so two other administrators have to make sure that it is you. Ask them for a temporary code."
    ),
)
UNTOLD = Denied(code="texts_used_up", message=USED_UP)
NONE_UNDER_WAY = Denied(
    code="nothing_changed", message=_("There is nothing to end: nobody waits to replace this second factor.")
)


def other_contacts(user: User, settings: Snapshot, *, methods: Iterable[str]) -> tuple[str, ...]:
    """The verified addresses that prove nothing at present, because the person turned something else on."""
    permitted, known = allowed(settings.text(GENERATION)), {kind_of(one) for one in methods}
    return tuple(
        kind for kind in verified_contacts(user, settings) if kind in permitted and kind not in known
    )


def refuse_recovery(
    user: User, settings: Snapshot, *, methods: Iterable[str], now: datetime
) -> Denied | None:
    """Why the lost factor of this person is not replaced by waiting."""
    if (denied := _refuse_waiting(user, settings, now=now)) is not None:
        return denied
    return None if other_contacts(user, settings, methods=methods) else NO_OTHER_ADDRESS


def _refuse_waiting(user: User, settings: Snapshot, *, now: datetime) -> Denied | None:
    if not settings.number(RECOVERY_WAIT):
        return SWITCHED_OFF
    return TAKES_TWO if takes_two(user, now=now) else None


def waiting(*, now: datetime) -> QuerySet[Recovery]:
    """The waits that nothing has voided."""
    return Recovery.objects.filter(version=F("user__security_version"), due_at__gt=now - USABLE_FOR)


def under_way(user: User, *, now: datetime) -> Recovery | None:
    """The wait that this person has begun, if nothing has voided it meanwhile."""
    if user.recovery_due_at is None:
        return None
    return waiting(now=now).filter(user=user.pk).first()


def awaited(user: User, *, now: datetime) -> Recovery | None:
    """The same, where waiting is still the way: it was not switched off, and the person has not become an administrator."""
    found = under_way(user, now=now)
    if found is None or _refuse_waiting(user, snapshot(user.company_id), now=now) is not None:
        return None
    return found


def is_due(user: User, *, now: datetime) -> bool:
    """Whether the waiting time is over, and a code to a verified address stands for the lost factor now."""
    due = user.recovery_due_at is not None and now >= user.recovery_due_at
    return due and awaited(user, now=now) is not None


def ask_recovery(
    user: User, settings: Snapshot, *, methods: Iterable[str], origin: Origin, now: datetime
) -> Recovery | Denied:
    """Inside a unit, the person's row in hand: begin to wait. Asked again, it comes neither sooner nor later."""
    if (denied := refuse_recovery(user, settings, methods=methods, now=now)) is not None:
        return denied
    if (found := under_way(user, now=now)) is not None:
        return found
    if (denied := take(RECOVERY, str(user.uid), now=now)) is not None:
        return denied
    Recovery.objects.filter(user=user.pk).delete()
    found = Recovery.objects.create(
        user=user,
        version=user.security_version,
        address=origin.address,
        asked_at=now,
        due_at=now + timedelta(hours=settings.number(RECOVERY_WAIT)),
    )
    if not _tell(found, "recovery_asked", now=now):
        found.delete()  # what nobody is told of, nobody can end
        return UNTOLD
    _note_due(user, found.due_at)
    _record(Event.RECOVERY_ASKED, user, origin=origin, now=now, due=found.due_at.isoformat())
    return found


def end_recovery(user: User, *, reason: str, origin: Origin, now: datetime) -> bool:
    """Inside a unit: nobody waits any more; False where nobody did."""
    hold(user)
    if not _forget(user):
        return False
    _record(Event.RECOVERY_ENDED, user, origin=origin, now=now, reason=reason)
    notify(user, to=every_channel(user), sentence="recovery_ended", origin=origin, now=now)
    return True


def use_recovery(user: User, *, origin: Origin, now: datetime) -> bool:
    """Inside a unit, once the code came back: turn every factor off; every session ends. False where it was ended meanwhile."""
    hold(user)
    user.refresh_from_db(fields=["recovery_due_at", "security_version", "admin_changed_at"])
    if not is_due(user, now=now):
        return False
    _forget(user)
    _record(Event.RECOVERY_USED, user, origin=origin, now=now)
    reset_factors(user, sentence="recovery_used", to=every_channel(user), origin=origin, now=now)
    return True


def recovery_of(token: str, *, now: datetime) -> Recovery | None:
    """What the link of a mail ends, while there is something to end."""
    id = read_lasting(token, scope=LINK)
    found = (
        Recovery.objects.select_related("user__company").filter(uid=id).first() if id is not None else None
    )
    return found if found is not None and under_way(found.user, now=now) == found else None


def end_by_link(token: str, *, origin: Origin, now: datetime) -> Denied | None:
    """Whoever has the mail ends it."""
    found = recovery_of(token, now=now)
    return NONE_UNDER_WAY if found is None else _ended(found.user, "by_link", origin=origin, now=now)


def end_own(user: User, *, origin: Origin, now: datetime) -> Denied | None:
    """The person ends it in a session, without a new proof: it only keeps things as they are, and has to be quick."""
    return _ended(user, "by_owner", origin=origin, now=now)


def _ended(user: User, reason: str, *, origin: Origin, now: datetime) -> Denied | None:
    with unit():
        ended = end_recovery(user, reason=reason, origin=origin, now=now)
    return None if ended else NONE_UNDER_WAY


def keep_waits(*, now: datetime) -> int:
    """Forget waits that nobody used or something has voided, and tell whoever's waiting time is over, once; the number of both."""
    rows = Recovery.objects.select_related("user__company")
    lapsed = sum(_lapse(one, now=now) for one in rows if awaited(one.user, now=now) is None)
    return lapsed + sum(_remind(one, now=now) for one in rows.filter(due_at__lte=now, reminded_at=None))


def _lapse(recovery: Recovery, *, now: datetime) -> bool:
    with unit():
        user = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=recovery.user_id).first()
        # Somebody may have asked anew since it was read.
        if user is None or awaited(user, now=now) is not None or not _forget(user):
            return False
        _record(Event.RECOVERY_ENDED, user, origin=Origin(), now=now, reason="lapsed")
    return True


def _remind(recovery: Recovery, *, now: datetime) -> bool:
    if not is_due(recovery.user, now=now):
        return False
    with unit():
        told = Recovery.objects.filter(pk=recovery.pk, reminded_at=None).update(reminded_at=now)
        if told:
            _tell(recovery, "recovery_due", now=now)
    return bool(told)


def _forget(user: User) -> bool:
    gone = bool(Recovery.objects.filter(user=user.pk).delete()[0])
    _note_due(user, None)
    return gone


def _note_due(user: User, due_at: datetime | None) -> None:
    User.objects.filter(pk=user.pk).update(recovery_due_at=due_at)
    user.recovery_due_at = due_at
    epoch.bump()


def _tell(recovery: Recovery, sentence: str, *, now: datetime) -> int:
    user = recovery.user
    with translation.override(language_of(user)):
        due = date_format(timezone.localtime(recovery.due_at), "DATETIME_FORMAT")
    return notify(
        user,
        to=every_channel(user),
        sentence=sentence,
        origin=Origin(address=recovery.address),
        now=now,
        url=f"{django.PUBLIC_URL}/{PATH}/{PLACEHOLDER}/",
        secret=lasting(scope=LINK, id=recovery.uid),
        due=due,
    )


def _record(event: Event, user: User, *, origin: Origin, now: datetime, **details: Any) -> None:
    record(event, origin=origin, at=now, company_id=user.company_id, subject=user, **details)
