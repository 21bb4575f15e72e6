"""The person's side: asking an administrator for the second proof, and waiting for the answer.

Nothing is asked for by merely opening the page. The number ties the call to the page: the person reads it out, the administrator types it
and is never shown it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from accounts.limits import HELP
from accounts.notices import any_channels, notify
from audit.events import Event
from audit.record import Origin, record
from core import entropy
from core.db import unit
from core.outcomes import Denied
from core.throttle import take
from login.case import Case
from login.flow import Help
from login.help.words import standing
from login.holding import held
from login.models import HelpReason, HelpRequest, HelpState

LIFE = timedelta(minutes=30)
DIGITS = 6


def number_of(request: HelpRequest) -> str:
    """What the person reads out; it is derived and kept nowhere."""
    return entropy.derived_code(purpose="help", id=str(request.uid), digits=DIGITS)


def is_number_of(request: HelpRequest, given: str) -> bool:
    """Whether this is it, also after a rotation of keys, and with the spaces that people type between digits."""
    return entropy.is_derived_code("".join(given.split()), purpose="help", id=str(request.uid), digits=DIGITS)


def waiting(*, now: datetime) -> Q:
    """Requests that can still be answered: in their time, and nothing has voided the sign-in meanwhile."""
    return Q(
        state=HelpState.WAITING,
        expires_at__gt=now,
        attempt__ended_at=None,
        attempt__version=F("user__security_version"),
    )


def over(*, now: datetime) -> Q:
    """All the others."""
    return ~Q(pk__in=HelpRequest.objects.filter(waiting(now=now)).values("pk"))


def in_state(state: str, *, now: datetime) -> Q:
    """Requests that really are in this state; what nobody can answer any more has expired, whatever the books say yet."""
    if state == HelpState.WAITING:
        return waiting(now=now)
    if state == HelpState.EXPIRED:
        return Q(state=state) | Q(state=HelpState.WAITING) & over(now=now)
    return Q(state=state)


def as_it_is(request: HelpRequest, *, now: datetime) -> HelpRequest:
    """The same of one that was read: its state is mended in memory."""
    attempt = request.attempt
    stands = (
        attempt is not None
        and attempt.ended_at is None
        and attempt.version == request.user.security_version
        and now < request.expires_at
    )
    if request.state == HelpState.WAITING and not stands:
        request.state = HelpState.EXPIRED
    return request


def ask(case: Case, _data: Mapping[str, Any]) -> Denied | None:
    """Ask, or where that is done, only look how it stands."""
    if case.attempt.help in {Help.ASKED, Help.CONFIRMED}:
        return None
    user = case.person
    with held(case) as denied:
        refused = denied or take(HELP, str(user.uid), now=case.now)
        if refused is not None:
            return refused
        attempt = case.attempt
        case.help_request = HelpRequest.objects.create(
            attempt=attempt,
            user=user,
            company=user.company,
            reason=attempt.help_reason or HelpReason.NO_METHOD,
            address=case.client.address,
            created_at=case.now,
            expires_at=case.now + LIFE,
        )
        attempt.help, attempt.expires_at = Help.ASKED, case.now + LIFE
        record(
            Event.HELP_ASKED,
            origin=case.origin,
            at=case.now,
            company_id=user.company_id,
            subject=user,
            request=str(case.help_request.uid),
            reason=case.help_request.reason,
        )
        notify(user, to=any_channels(user), sentence="help_asked", origin=case.origin, now=case.now)
    return None


def shown(case: Case) -> dict[str, Any]:
    """How it stands, and the number to read out once it was asked for."""
    request = case.help_request
    if request is None:
        return {"status": "not_asked"}
    status = "half_confirmed" if standing(request) else "waiting"
    return {"status": status, "number": number_of(request)}


def withdraw(case: Case) -> None:
    """Inside a unit: the person gave the sign-in up, so nobody has to answer any more."""
    _end(HelpRequest.objects.filter(attempt=case.attempt.pk), HelpState.WITHDRAWN, now=case.now)


def expire(*, now: datetime) -> int:
    """End in the books what nobody answered in time; the number of them."""
    with unit():
        return _end(HelpRequest.objects.filter(expires_at__lte=now), HelpState.EXPIRED, now=now)


_EVENTS = {HelpState.WITHDRAWN: Event.HELP_WITHDRAWN, HelpState.EXPIRED: Event.HELP_EXPIRED}


def _end(requests: Any, state: HelpState, *, now: datetime) -> int:
    over = list(
        requests.filter(state=HelpState.WAITING).select_for_update(of=("self",)).select_related("user")
    )
    for one in over:
        one.state, one.ended_at = state, now
        one.save(update_fields=["state", "ended_at"])
        record(
            _EVENTS[state],
            origin=Origin(address=one.address),
            at=now,
            company_id=one.company_id,
            subject=one.user,
            request=str(one.uid),
        )
    return len(over)
