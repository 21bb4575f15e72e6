"""Co-browse over REST, in the words of the source system: customers start and agents join (design/sources, 1.8).

A customer is known by the site of his page (its origin) and from then on by his userToken. The agent's side is let in by
`cobrowse.authentication` at every request, also where it acts by a userToken.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.record import Origin
from cobrowse import serializers_rest as shapes
from cobrowse.agents import Agent
from cobrowse.authentication import AgentBearer, AgentSide, agent_behind
from cobrowse.cors import NO_ORIGIN, NOT_ALLOWED, OTHER_KEY, site_behind
from cobrowse.models import CobrowseSession, Participant
from cobrowse.sessions import verbs
from cobrowse.sessions.entering import Joined, join_as_agent, join_as_customer, start_by_customer
from cobrowse.sessions.finding import (
    NO_SUCH_CODE,
    NO_SUCH_USER,
    found_by_agent,
    found_by_customer,
    found_by_id,
    found_by_user_token,
)
from cobrowse.sessions.history import visits
from cobrowse.sessions.life import note_agent, note_customer
from cobrowse.sessions.states import Action, Mode, Role, State
from cobrowse.sessions.verbs import NO_CONTROL
from cobrowse.tokens import Site, desk_of, drawn_token
from core.api import body
from core.buckets import Buckets
from core.http import client_address, network_of
from core.outcomes import Denied
from core.ratelimit import counted
from core.refusals import Refused, settled
from core.throttle import Limit, take

SERVER_NAME = "Gatehouse"
DRAWN = Limit(name="cobrowse-authtoken", tries=30, window=timedelta(minutes=10))  # for one network
# Calls a minute by userTokens: a page asks every three seconds, and many customers may stand behind one address.
CUSTOMERS, PARTICIPANTS = Buckets(3_000, name="customers"), Buckets(120, name="participants")
BAD_MODE = Denied(
    code="invalid", field="mode", message="Write mode is what is asked for, granted, refused and ended."
)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1_000)


def _told(session: CobrowseSession) -> dict[str, Any]:
    return {
        "sessionToken": session.token,
        "sessionServerName": SERVER_NAME,
        "sessionServerUrl": desk_of(session.company_id).url,
    }


def _users(participants: Iterable[Participant]) -> list[dict[str, Any]]:
    return [
        {"userId": one.number, "role": one.role, "name": one.name}
        for one in participants
        if one.left_at is None
    ]


def _joined(joined: Joined) -> dict[str, Any]:
    return {
        "userToken": joined.user_token,
        "userId": joined.participant.number,
        "users": _users(joined.everybody),
        "sessionHistoryId": joined.session.uid,
        "sessionServerUrl": desk_of(joined.session.company_id).url,
    }


class AuthToken(APIView):
    """A token for both applications of a company."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Draw a random token of 26 characters (A–Z, 2–7). It is stored nowhere; an administrator enters it in both applications."""
        network = network_of(client_address(request._request))
        if (refused := take(DRAWN, network, now=timezone.now())) is not None:
            raise Refused(refused)
        return HttpResponse(drawn_token(), content_type="text/plain; charset=us-ascii")


def _site(request: Request) -> tuple[Site, str]:
    """The company whose page asks, and the site; raises Refused for what comes from no listed page."""
    site = site_behind(request._request)
    if site is None:
        raise Refused(NOT_ALLOWED if "Origin" in request.headers else NO_ORIGIN)
    return site, request.headers["Origin"]


class LiveSessions(APIView):
    """Sessions of customers."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    reads = shapes.StartedTold
    bodies = {"post": shapes.NewSession}
    created = ("post",)
    may_refuse = True
    refusals = (403,)

    def post(self, request: Request) -> Response:
        """Start a session, from a page of a site that the company's cluster lists. With `role` 1 the customer is in it at once."""
        site, origin = _site(request)
        given = body(request, shapes.NewSession)
        if given.get("key", site.site_key) != site.site_key:
            raise Refused(OTHER_KEY)
        now, address = timezone.now(), client_address(request._request)
        begun = start_by_customer(
            site.company_id,
            origin=origin,
            name=given["name"] if "role" in given else None,
            data=given["custom_data"],
            address=address,
            now=now,
        )
        if isinstance(begun, Denied):
            raise Refused(begun)
        session = begun.session if isinstance(begun, Joined) else begun
        told = _told(session) | {"code": session.code, "expiresAt": _ms(session.expires_at)}
        if isinstance(begun, Joined):
            told = _joined(begun) | told
        return Response(told, status=status.HTTP_201_CREATED)


def _agent(request: Request) -> Agent:
    """The agent who calls; raises NotAuthenticated for nobody, and Refused."""
    if getattr(request, "principal", None) is None:
        raise NotAuthenticated
    return agent_behind(request)


def _by_customer(request: Request, token: str) -> tuple[CobrowseSession, str]:
    """The live session of the company whose page asks, and the site of that page; raises Refused."""
    site, origin = _site(request)
    address = client_address(request._request)
    return settled(found_by_customer(site.company_id, token, address=address, now=timezone.now())), origin


class LiveSession(APIView):
    """A live session by its digits."""

    authentication_classes = (AgentBearer,)
    permission_classes = (AllowAny,)
    reads = shapes.SessionTold
    may_refuse = True
    refusals = (403, 404)

    def get(self, request: Request, token: str) -> Response:
        """Where the session with these digits is, for an agent of the company or a page of its sites."""
        if getattr(request, "principal", None) is not None:
            agent = _agent(request)
            session = settled(found_by_agent(agent, token, now=timezone.now()))
            if not agent.sees(session):
                raise Refused(NO_SUCH_CODE)
        else:
            session, _origin = _by_customer(request, token)
        return Response(_told(session))


class Join(APIView):
    """Joining a live session."""

    authentication_classes = (AgentBearer,)
    permission_classes = (AllowAny,)
    reads = shapes.JoinedTold
    bodies = {"post": shapes.NewParticipant}
    may_refuse = True
    refusals = (403, 404, 409)

    def post(self, request: Request, token: str) -> Response:
        """Join: the customer from the page that started it, an agent or the application that controls his session by signing in.

        Of each role there is one, once. With the agent the session is active, in pointer mode.
        """
        given = body(request, shapes.NewParticipant)
        role, now = Role(given["role"]), timezone.now()
        if role is Role.CUSTOMER:
            session, origin = _by_customer(request, token)
            address = client_address(request._request)
            joined = join_as_customer(session, origin=origin, name=given["name"], address=address, now=now)
            return Response(_joined(settled(joined)))
        agent = _agent(request)
        session = settled(found_by_agent(agent, token, now=now))
        return Response(_joined(settled(join_as_agent(session, role, agent=agent, now=now))))


class InSession(APIView):
    """The base of what is done by a userToken. It stands in the address, so no log line has the address."""

    authentication_classes = (AgentBearer,)
    permission_classes = (AllowAny,)
    throttle_classes = ()  # counted below, by session
    may_refuse = True
    refusals = (403, 404, 409)
    participant: Participant
    agent: Agent | None
    now: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find who acts, and let him in; raises Refused, NotAuthenticated and Throttled."""
        super().initial(request, *args, **kwargs)
        self.now = timezone.now()
        found = found_by_user_token(str(kwargs["user_token"]), now=self.now)
        self._count(request, found)
        self.participant = settled(found)
        self.agent = None
        session = self.participant.session
        if self.participant.role == Role.CUSTOMER:
            origin = request.headers.get("Origin")
            # A program has no origin; a page has to be one of the site that the session is on.
            if origin is not None and origin != session.origin:
                raise Refused(NOT_ALLOWED)
            note_customer(session, now=self.now)
            return
        if getattr(request, "principal", None) is None:
            raise NotAuthenticated
        self.agent = agent_behind(request)
        if self.participant.user_id != self.agent.user.pk or not self.agent.sees(session):
            raise Refused(NO_SUCH_USER)
        if request.method == "POST" and not self.agent.takes_part(session):
            raise Refused(NO_CONTROL)
        if self.participant.role == Role.AGENT:
            note_agent(session, self.agent.principal, now=self.now)

    def _count(self, request: Request, found: Participant | Denied) -> None:
        """One call of this network, of which there may be many customers, and of this person in it."""
        rate = counted(CUSTOMERS, network_of(client_address(request._request)))
        if not rate.refused and not isinstance(found, Denied):
            rate = counted(PARTICIPANTS, f"{found.session.uid}/{found.number}")
        request._request.rate = rate  # type: ignore[attr-defined]
        if rate.refused:
            raise Throttled(wait=rate.reset)

    @property
    def by(self) -> Origin:
        """Who acts, for the trail."""
        address = client_address(self.request._request)
        return self.agent.origin if self.agent is not None else Origin(address=address)


def _state(session: CobrowseSession) -> dict[str, Any]:
    return {
        "sessionHistoryId": session.uid,
        "state": session.state,
        "mode": session.mode,
        "asked": session.asked,
        "users": _users(session.participants.all()),
        "activationTime": _ms(session.activated_at),
        "deactivationTime": _ms(session.ended_at),
        "endedReason": session.ended_reason or None,
    }


class InSessionState(InSession):
    """How the session stands."""

    reads = shapes.StateTold

    def get(self, request: Request, user_token: str) -> Response:
        """How it stands, for whoever is in it; also a sign of life of that side."""
        return Response(_state(self.participant.session))


class Exit(InSession):
    """Leaving."""

    reads = shapes.StateTold
    answers = {"post": None}
    empty_status = 200

    def post(self, request: Request, user_token: str) -> Response:
        """Leave the session; it ends with the customer's or the agent's leaving. Twice is once."""
        settled(verbs.leave(self.participant, by=self.by, now=self.now))
        return Response({})


class Stop(InSession):
    """Stopping."""

    reads = shapes.StoppedTold

    def post(self, request: Request, user_token: str) -> Response:
        """End the session for everybody in it; for its controller."""
        ended = settled(verbs.stop(self.participant, agent=self.agent, now=self.now))
        return Response({"activationTime": _ms(ended.activated_at), "deactivationTime": _ms(ended.ended_at)})


class ChangeMode(InSession):
    """Write mode."""

    reads = shapes.StateTold
    bodies = {"post": shapes.ModeChange}

    def post(self, request: Request, user_token: str) -> Response:
        """Ask for write mode (agent), grant or refuse it (customer), or go back to pointer mode (either)."""
        given = body(request, shapes.ModeChange)
        action = Action(given["action"])
        if given["mode"] == Mode.POINTER:
            # Back to pointer mode needs nobody's consent, so asking for it is doing it.
            if action not in {Action.REQUEST, Action.END}:
                raise Refused(BAD_MODE)
            action = Action.END
        changed = settled(
            verbs.change_mode(
                self.participant.session,
                action,
                by=Role(self.participant.role),
                origin=self.by,
                agent=self.agent,
                now=self.now,
            )
        )
        return Response(_state(changed))


class EnterPage(InSession):
    """Pages that the customer comes to."""

    reads = shapes.StateTold
    answers = {"post": None}
    empty_status = 200
    bodies = {"post": shapes.PageEntered}

    def post(self, request: Request, user_token: str) -> Response:
        """Note a page of the session's site, for the history; what follows ? and # is not kept."""
        given = body(request, shapes.PageEntered)
        if self.participant.role != Role.CUSTOMER:
            raise Refused(NO_SUCH_USER)
        settled(verbs.enter_page(self.participant, given["url"], now=self.now))
        return Response({})


class History(AgentSide):
    """Sessions that were."""

    reads = shapes.HistoryTold

    def get(self, request: Request, id: UUID) -> Response:
        """One session by its history id: one's own, or as an administrator any of the company; whole once it has ended."""
        now = timezone.now()
        session = settled(found_by_id(self.agent, id, now=now))
        return Response(
            {
                "id": session.uid,
                "sessionToken": ""
                if session.state == State.IDLE
                else session.token,  # while it waits, who knows it can join
                "creationTime": _ms(session.created_at),
                "activationTime": _ms(session.activated_at),
                "deactivationTime": _ms(session.ended_at),
                "pages": [
                    {"url": one.url, "enteredTimestamp": _ms(one.entered_at), "duration": duration}
                    for one, duration in visits(session, now=now)
                ],
            }
        )
