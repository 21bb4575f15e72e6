"""The administrator's side: making sure of the person, in the place of the second factor, for this one sign-in."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.notices import any_channels, notify
from accounts.people import refuse_touch
from audit.events import Event
from audit.record import record
from core.db import unit
from core.draft import NOT_FOUND, line
from core.outcomes import Denied
from login.flow import Help
from login.help.asking import is_number_of, waiting
from login.help.words import is_enough
from login.models import Attempt, HelpRequest, HelpState
from tenants.actor import Actor
from twofactor.services.two_persons import in_person, is_standing, refuse_newer, takes_two

HOW_LENGTH = 300
GOES_ON_FOR = timedelta(minutes=15)  # so long the person may take after the answer
WRONG_NUMBERS = 3
NOT_WAITING = Denied(
    code="not_waiting",
    message=_(
        "This request waits no longer: it was answered or withdrawn, took too long, or the account changed."
    ),
)
OWN_REQUEST = Denied(code="own_account", message=_("Nobody answers a request of his own."))
TWICE = Denied(
    code="already_confirmed",
    message=_("You have confirmed this person. For an administrator it takes a second administrator."),
)
NUMBER_WRONG = Denied(
    code="number_wrong",
    field="number",
    message=_("This is not the number on the person's page. After three wrong ones the request is denied."),
)


def confirm_person(
    request: HelpRequest, *, number: str, how: str, by: Actor, now: datetime
) -> HelpRequest | Denied:
    """Say that it is the person, and how it was made sure of; the sign-in goes on once enough administrators have.

    The wrong number three times denies the request.
    """
    told = line(how, field="how", longest=HOW_LENGTH)
    if isinstance(told, Denied):
        return told
    administrator = in_person(by, now=now)
    if isinstance(administrator, Denied):
        return administrator
    request.user.ask_ahead()
    with unit():
        found = _held(request, by=by, now=now)
        if isinstance(found, Denied):
            return found
        if (refused := _refuse(found, administrator, now=now)) is not None:
            return refused
        if not is_number_of(found, number):
            return _wrong_number(found, by=by, now=now)
        version = administrator.security_version
        found.answers.create(by=administrator, by_name=str(administrator), version=version, how=told, at=now)
        if not is_enough(found, now=now):
            _note(Event.HELP_CONFIRMED_ONCE, found, by=by, now=now, how=told)
            return found
        _settle(found, HelpState.CONFIRMED, now=now)
        Attempt.objects.filter(help_requests=found).update(help=Help.CONFIRMED, expires_at=now + GOES_ON_FOR)
        _note(Event.HELP_CONFIRMED, found, by=by, now=now, how=told)
        notify(
            found.user,
            to=any_channels(found.user),
            sentence="help_confirmed",
            origin=by.origin,
            now=now,
            administrator=administrator.display_name or str(administrator),
        )
    return found


def deny_person(request: HelpRequest, *, why: str, by: Actor, now: datetime) -> HelpRequest | Denied:
    """End the request and the sign-in that asks. One administrator is enough for it."""
    told = line(why, field="why", longest=HOW_LENGTH)
    if isinstance(told, Denied):
        return told
    request.user.ask_ahead()
    with unit():
        found = _held(request, by=by, now=now)
        if not isinstance(found, Denied):
            _deny(found, by=by, now=now, why=told)
    return found


def _held(request: HelpRequest, *, by: Actor, now: datetime) -> HelpRequest | Denied:
    """Inside a unit: the request as it stands, its rows locked in the order of the sign-in: person, attempt, request."""
    people = User.objects.select_for_update(of=("self",), no_key=True).select_related("company")
    person = people.filter(pk=request.user_id).first()
    if person is None:
        return NOT_FOUND
    if (refused := refuse_touch(person, verb="help", by=by)) is not None:
        return refused
    if getattr(by.origin.actor, "pk", None) == person.pk:
        return OWN_REQUEST
    Attempt.objects.select_for_update(of=("self",), no_key=True).filter(help_requests=request).first()
    rows = HelpRequest.objects.select_for_update(of=("self",), no_key=True).filter(pk=request.pk)
    found = rows.filter(waiting(now=now)).first()
    if found is None or not person.may_sign_in:
        return NOT_WAITING
    found.user = person
    return found


def _refuse(request: HelpRequest, administrator: User, *, now: datetime) -> Denied | None:
    """Why this administrator's word does not count: he gave it already, or may be whoever asks, under a name made meanwhile."""
    if (said := request.answers.filter(by=administrator).first()) is not None:
        if is_standing(administrator, version=said.version, on=request.user, verb="help"):
            return TWICE
        said.delete()  # it counts no longer, and may be said anew
    return refuse_newer(administrator, than=request.created_at) if takes_two(request.user, now=now) else None


def _wrong_number(request: HelpRequest, *, by: Actor, now: datetime) -> Denied:
    request.wrong_numbers += 1
    request.save(update_fields=["wrong_numbers"])
    _note(Event.HELP_NUMBER_WRONG, request, by=by, now=now, wrong=request.wrong_numbers)
    if request.wrong_numbers >= WRONG_NUMBERS:
        _deny(request, by=by, now=now, why="wrong numbers")
    return NUMBER_WRONG


def _deny(request: HelpRequest, *, by: Actor, now: datetime, why: str) -> None:
    _settle(request, HelpState.DENIED, now=now)
    Attempt.objects.filter(help_requests=request).update(help=Help.DENIED)
    notify(request.user, to=any_channels(request.user), sentence="help_denied", origin=by.origin, now=now)
    _note(Event.HELP_DENIED, request, by=by, now=now, why=why)


def _settle(request: HelpRequest, state: HelpState, *, now: datetime) -> None:
    request.state, request.ended_at = state, now
    request.save(update_fields=["state", "ended_at"])


def _note(event: Event, request: HelpRequest, *, by: Actor, now: datetime, **details: str | int) -> None:
    record(
        event,
        origin=by.origin,
        at=now,
        company_id=request.company_id,
        subject=request.user,
        request=str(request.uid),
        **details,
    )
