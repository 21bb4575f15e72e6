"""The pages of an agent: digits are typed, sessions are led and ended, and an administrator looks after those of the company.

They act as the company's Workspace application: the server adds its token, and the browser never holds it (mission C2).
"""

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pages import View, principal_of, signed_in
from accounts.trespass import note_trespass
from cobrowse.agents import Agent, admit
from cobrowse.models import CobrowseSession, Page
from cobrowse.sessions.digits import LONGEST_TYPED, grouped, typed
from cobrowse.sessions.entering import join_as_agent
from cobrowse.sessions.finding import found_by_agent, found_by_id
from cobrowse.sessions.history import visits
from cobrowse.sessions.life import as_it_is, settled
from cobrowse.sessions.states import Action, Right, Role, State
from cobrowse.sessions.verbs import change_mode, end_by_agent
from cobrowse.tokens import desk_of
from core.http import client_address
from core.outcomes import Denied
from tenants.models import Kind
from tenants.rules import may_touch

QUIET = timedelta(seconds=45)
PAST = 20
LIVE = 50
# What the page that follows says by itself: the other side was a moment quicker.
SEEN_BY_ITSELF = frozenset({"nothing_changed", "session_ended"})


# --- who is let in ---------------------------------------------------------------------------------------------------------


def agent_side(view: Callable[..., HttpResponse]) -> View:
    """Let in who may work with sessions, and hand him to the view as its `Agent`; anybody else reads why not."""

    @signed_in
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        company_id = principal_of(request).user.company_id
        agent = admit(
            principal_of(request),
            shown="" if company_id is None else desk_of(company_id).workspace,
            address=client_address(request),
        )
        if isinstance(agent, Denied):
            note_trespass(principal_of(request), agent, request)
            context = {"denied": agent, "sees_applications": _sees_applications(request)}
            return render(request, "cobrowse/refused.html", context, status=403)
        return view(request, agent, *args, **kwargs)

    return inner


def _sees_applications(request: HttpRequest) -> bool:
    principal = principal_of(request)
    return may_touch(principal.rights, "view", Kind.APPLICATION, company_id=principal.user.company_id)


# --- what is shown ---------------------------------------------------------------------------------------------------------


def _shown(session: CobrowseSession, agent: Agent) -> dict[str, Any]:
    """One session as a row, from rows that were fetched with it."""
    is_own, is_live = session.agent_id == agent.user.pk, session.ended_at is None
    names = [one.name for one in session.participants.all() if one.role == Role.CUSTOMER]
    return {
        "session": session,
        "customer": next(iter(names), ""),
        "site": session.site,
        "since": session.began_at,
        "is_own": is_own,
        "may_end": is_live and agent.refuse_change(session) is None,
    }


def _of(agent: Agent) -> QuerySet[CobrowseSession]:
    return CobrowseSession.objects.filter(company=agent.company_id).prefetch_related("participants")


def _behind(request: HttpRequest, name: str, rows: QuerySet[CobrowseSession]) -> QuerySet[CobrowseSession]:
    """Those that a page goes on with: older than the row of this number."""
    number = request.GET.get(name, "")
    usable = number.isdecimal() and number.isascii() and len(number) < 19
    return rows.filter(pk__lt=int(number)) if usable else rows


class DigitsForm(forms.Form):
    """The digits that a customer reads out."""

    digits = forms.CharField(
        label=__("Digits of the customer"),
        max_length=LONGEST_TYPED,
        help_text=__("The nine digits that the customer sees, or the six of the code."),
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "off",
                "spellcheck": "false",
                "class": "digits-field",
            }
        ),
    )

    def clean_digits(self) -> str:
        """Nine digits or six, whatever stands between them."""
        found = typed(self.cleaned_data["digits"])
        if found is None:
            raise forms.ValidationError(
                _("These are not nine digits, nor six. Compare them with what the customer sees.")
            )
        return found


@require_http_methods(["GET", "HEAD", "POST"])
@agent_side
def index(request: HttpRequest, agent: Agent) -> HttpResponse:
    """Where digits are typed, with the sessions of whoever looks, and those of the company for who may see them."""
    form, now, refused = DigitsForm(request.POST or None), timezone.now(), None
    if request.method == "POST" and form.is_valid():
        outcome = _joined(form.cleaned_data["digits"], agent, now=now)
        if isinstance(outcome, CobrowseSession):
            return redirect("cobrowse:session", uid=outcome.uid)
        refused = outcome
        form.add_error("digits", str(refused.message))
        note_trespass(principal_of(request), refused, request)
    own = _of(agent).filter(agent=agent.user)
    mine = [settled(one, now=now) for one in own.filter(ended_at=None)[:LIVE]]
    past = list(_behind(request, "before", own.exclude(ended_at=None))[: PAST + 1])
    context = {
        "form": form,
        "mine": [_shown(one, agent) for one in mine if one.ended_at is None and agent.sees(one)],
        "past": [_shown(one, agent) for one in past[:PAST] if agent.sees(one)],
        "older": past[PAST - 1].pk if len(past) > PAST else None,
        "is_off": not desk_of(agent.company_id).is_on and _sees_applications(request),
        **_company(request, agent, now=now),
    }
    too_many = refused is not None and refused.retry_after is not None
    response = render(request, "cobrowse/index.html", context, status=429 if too_many else 200)
    if refused is not None and refused.retry_after is not None:
        response["Retry-After"] = str(refused.retry_after)
    return response


def _joined(digits: str, agent: Agent, *, now: datetime) -> CobrowseSession | Denied:
    found = found_by_agent(agent, digits, now=now)
    if isinstance(found, Denied) or found.agent_id == agent.user.pk:
        return found  # somebody who types the digits of his own session is led back to it
    joined = join_as_agent(found, Role.AGENT, agent=agent, now=now)
    return joined if isinstance(joined, Denied) else joined.session


def _company(request: HttpRequest, agent: Agent, *, now: datetime) -> dict[str, Any]:
    """The live sessions of everybody, for who sees all of them; asks nothing about each of them, for there may be many."""
    if not agent.sees_all:
        return {}
    rows = list(_behind(request, "live", _of(agent).filter(ended_at=None))[: LIVE + 1])
    live = [one for one in rows[:LIVE] if as_it_is(one, now=now).ended_at is None]
    return {
        "sees_all": True,
        "everybody": [_shown(one, agent) for one in live if agent.sees(one)],
        "more": rows[LIVE - 1].pk if len(rows) > LIVE else None,
    }


# --- one session -----------------------------------------------------------------------------------------------------------


def _found(agent: Agent, uid: uuid.UUID, *, now: datetime) -> CobrowseSession:
    found = found_by_id(agent, uid, now=now)
    if isinstance(found, Denied):
        raise Http404
    return found


def _is_quiet(session: CobrowseSession, *, now: datetime) -> bool:
    """Whether the customer's page, which calls every twenty seconds also when nobody looks at it, is not heard any more."""
    heard = session.customer_seen_at
    return session.state == State.ACTIVE and heard is not None and now - heard > QUIET


def _standing(session: CobrowseSession) -> dict[str, Any]:
    """What a page that is open has to look like: once this is another, it is loaded anew."""
    return {
        "state": session.state,
        "quiet": _is_quiet(session, now=timezone.now()),
        "mode": session.mode,
        "asked": session.asked,
        "pages": session.pages.count(),
        "version": session.updated_at.isoformat(),
    }


def _visits(session: CobrowseSession, *, now: datetime) -> list[dict[str, Any]]:
    """The pages that were seen, the newest first."""
    return [
        {"page": page, "path": _path(page), "minutes": seconds // 60, "seconds": seconds % 60}
        for page, seconds in visits(session, now=now)
    ][::-1]


def _path(page: Page) -> str:
    return urlsplit(page.url).path


@require_safe
@agent_side
def session(request: HttpRequest, agent: Agent, uid: uuid.UUID) -> HttpResponse:
    """One session: how it stands, who is in it, what may be done about it, and which pages the customer came to."""
    now = timezone.now()
    found = _found(agent, uid, now=now)
    shown = _shown(found, agent)
    is_waiting = found.state == State.IDLE
    context = {
        **shown,
        "participants": found.participants.all(),
        "visits": _visits(found, now=now),
        "data": list(found.custom_data.items()),
        "may_ask": shown["is_own"] and agent.right_in(found) is Right.CONTROL,
        # Whoever waits for the customer tells them; to anybody else they are of no use.
        "digits": grouped(found.token) if is_waiting and shown["is_own"] else "",
        "is_quiet": _is_quiet(found, now=now),
        "known": json.dumps(_standing(found)),
    }
    return render(request, "cobrowse/session.html", context)


@require_safe
@agent_side
def state(_request: HttpRequest, agent: Agent, uid: uuid.UUID) -> HttpResponse:
    """How a session stands, for the page that is open; also a sign of life of its agent."""
    return JsonResponse(_standing(_found(agent, uid, now=timezone.now())))


@require_POST
@agent_side
def mode(request: HttpRequest, agent: Agent, uid: uuid.UUID) -> HttpResponse:
    """Ask for write mode, withdraw that, or go back to pointer mode."""
    now = timezone.now()
    found = _found(agent, uid, now=now)
    try:
        action = Action(request.POST.get("action", ""))
    except ValueError as error:
        raise BadRequest from error
    outcome = change_mode(found, action, by=Role.AGENT, origin=agent.origin, agent=agent, now=now)
    if isinstance(outcome, Denied):
        _refused(request, outcome)
    return redirect("cobrowse:session", uid=uid)


@require_POST
@agent_side
def end(request: HttpRequest, agent: Agent, uid: uuid.UUID) -> HttpResponse:
    """End one's own session, or as an administrator anybody's."""
    now = timezone.now()
    outcome = end_by_agent(_found(agent, uid, now=now), agent=agent, now=now)
    if isinstance(outcome, Denied):
        _refused(request, outcome)
    elif request.POST.get("back") == "list":
        messages.success(request, _("The session was ended."))
    if request.POST.get("back") == "list":
        return redirect("cobrowse:index")
    return redirect("cobrowse:session", uid=uid)


def _refused(request: HttpRequest, denied: Denied) -> None:
    """Tell a refusal on the next page, unless that page says it by itself."""
    if denied.code not in SEEN_BY_ITSELF:
        messages.error(request, str(denied.message))
    note_trespass(principal_of(request), denied, request)
