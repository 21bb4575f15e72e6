"""The doors of `/api/1/`, for the published agent client run as it is."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.grants import COBROWSE
from accounts.models import User
from cobrowse import serializers_sdk as shapes
from cobrowse.agent_sdk import COLUMNS, FEATURES, STATES, policy_json, session_json, user_json
from cobrowse.agents import BY_POLICY, Agent
from cobrowse.authentication import AgentSide
from cobrowse.models import ApplicationType, CobrowseSession
from cobrowse.sessions import verbs
from cobrowse.sessions.entering import join_as_agent, start_by_agent
from cobrowse.sessions.finding import NO_SUCH_SESSION, found_by_agent, found_by_id
from cobrowse.sessions.life import ending, idle_of, in_state
from cobrowse.sessions.states import Action, Role, lapse
from cobrowse.tokens import application_of
from core.api import body
from core.draft import NOT_FOUND
from core.outcomes import FORBIDDEN, Denied
from core.refusals import Refused, settled

NO_DEVICE = Denied(
    code="device_not_found",
    message=_("There is no such device: sessions are pages, and begin by their digits."),
)
NO_RECORDING = Denied(code="recording_not_found", message=_("Sessions are not recorded."))
CUSTOMER_DECIDES = Denied(
    code="not_yours_to_decide", message=_("The customer decides this; ask with `requested`.")
)
PAGES_ONLY = Denied(
    code="invalid",
    field="full_device",
    message=_("Pages are all that there is to be seen, so this stays off."),
)
ONE_AT_A_TIME = Denied(
    code="invalid",
    message=_("Change one thing at a time: state, agent, remote_control, full_device or custom_data."),
)
MOST_FILTERS = 10
# Names that are keys of an object on every database, and never positions in a list.
_IN_SQL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


class SdkView(AgentSide):
    """The base: what a policy does not name is closed to its bearer."""

    resource = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the agent in, as far as his token names this resource; raises Refused."""
        super().initial(request, *args, **kwargs)
        if self.resource and not self._is_named():
            raise Refused(BY_POLICY)

    def _is_named(self) -> bool:
        if self.agent.bound is not None:
            return False  # it is for one session
        return self.agent.policy is None or self.agent.policy.allows(self.resource, "read")


class Me(SdkView):
    """The person who calls."""

    reads = shapes.SdkUser

    def get(self, request: Request) -> Response:
        """Who calls."""
        return Response(user_json(self.agent.user))


class SdkUsers(SdkView):
    """People of the caller's company."""

    resource = "users"
    reads = shapes.SdkUser

    def get(self, request: Request, id: str) -> Response:
        """Somebody of the caller's company, for who may see people; oneself, for everybody."""
        uid = _uid(id)
        if uid == self.agent.user.uid:
            return Response(user_json(self.agent.user))
        colleagues = self.agent.principal.visible(User).filter(company=self.agent.company_id)
        found = colleagues.filter(uid=uid).first() if uid is not None else None
        if found is None:
            raise Refused(NOT_FOUND)
        return Response(user_json(found))


class Accounts(SdkView):
    """The caller's company."""

    resource = "accounts"
    reads = shapes.SdkAccount
    many = True

    def get(self, request: Request) -> Response:
        """The company, as the one account that a token is for."""
        principal = self.agent.principal
        integration = principal.session.integration
        cluster = application_of(self.agent.company_id, ApplicationType.CLUSTER)
        key = (
            integration.licence_key
            if integration is not None
            else cluster.site_key
            if cluster is not None
            else ""
        )
        company = principal.company
        told = {
            "id": str(company.uid) if company is not None else "",
            "name": company.name if company is not None else "",
            "license_key": key,
            "features": dict(FEATURES),
        }
        return Response([told])


class CurrentPolicy(SdkView):
    """What the bearer may."""

    reads = shapes.SdkPolicy

    def get(self, request: Request) -> Response:
        """The policy that counts for this bearer, with every resource that is open to it; `*` says that nothing else is."""
        return Response(policy_json(self.agent))


class ClosestRegion(SdkView):
    """Where this is."""

    resource = "regions"
    reads = shapes.SdkRegion

    def get(self, request: Request) -> Response:
        """The one region that there is."""
        return Response({"id": "here", "type": "self-hosted"})


class Devices(SdkView):
    """Devices; there are none, for sessions are pages."""

    resource = "devices"
    reads = shapes.SdkNothing
    many = True

    def get(self, request: Request) -> Response:
        """None."""
        return Response([])


class OneDevice(SdkView):
    """One device."""

    resource = "devices"
    reads = shapes.SdkNothing

    def get(self, request: Request, id: str) -> Response:
        """There is none."""
        raise Refused(NO_DEVICE)

    def post(self, request: Request, id: str) -> Response:
        """There is none to push to."""
        raise Refused(NO_DEVICE)


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


class SdkSessions(SdkView):
    """Sessions of the caller."""

    reads = shapes.SdkSession
    bodies = {"post": shapes.NewSdkSession}
    created = ("post",)
    many = True
    single = ("post",)

    def get(self, request: Request) -> Response:
        """The caller's sessions, or with `agent=all` those of the company, for an administrator; the newest first.

        `state` or `state[]` (several) · `activated_before`, `activated_after` · `filter_<name>=` of custom data · `limit`, at most 1,000.
        """
        agent = self.agent
        if not agent.may("read"):
            raise Refused(BY_POLICY)
        query = shapes.SessionQuery(data={name: request.query_params[name] for name in request.query_params})
        query.is_valid(raise_exception=True)
        given = query.validated_data
        rows = CobrowseSession.objects.filter(company=agent.company_id)
        if given["agent"] == "all":
            if not agent.sees_all:
                raise Refused(FORBIDDEN)
        elif given["agent"] in {"me", str(agent.user.uid)}:
            rows = rows.filter(agent=agent.user)
        else:
            if not agent.sees_all:
                raise Refused(FORBIDDEN)
            rows = rows.filter(agent_uid=given["agent"])
        now = timezone.now()
        rows = self._narrowed(rows, given, now=now)
        idle = idle_of(agent.company_id)
        # Tuples, for a thousand rows as objects would cost more than all the rest.
        found = [
            _as_it_is(row, idle=idle, now=now)
            for row in rows.values_list(*COLUMNS, named=True)[: given["limit"]]
            if agent.may("read", row)
        ]
        return Response([session_json(one, agent=agent, idle=idle) for one in found])

    def _states(self) -> set[str]:
        params = self.request.query_params
        wanted = set(params.getlist("state")) | set(params.getlist("state[]"))
        if wanted - {"pending", "authorizing", "active", "ended"}:
            raise ValidationError({"state": [_("Choose of pending, authorizing, active and ended.")]})
        return wanted

    def _narrowed(
        self, rows: QuerySet[CobrowseSession], given: dict[str, Any], *, now: datetime
    ) -> QuerySet[CobrowseSession]:
        if wanted := self._states():
            ours = [own for own, theirs in STATES.items() if theirs in wanted]
            rows = rows.filter(in_state(ours, idle=idle_of(self.agent.company_id), now=now))
        by_activation = "activated_before" in given or "activated_after" in given
        if "activated_before" in given:
            rows = rows.filter(activated_at__lt=given["activated_before"])
        if "activated_after" in given:
            rows = rows.filter(activated_at__gt=given["activated_after"])
        entry = self.agent.policy.entry(COBROWSE) if self.agent.policy is not None else None
        filters = {
            name.removeprefix("filter_"): value
            for name, value in self.request.query_params.items()
            if name.startswith("filter_")
        }
        if len(filters) > MOST_FILTERS or any(
            _IN_SQL.fullmatch(name) is None or "\0" in value for name, value in filters.items()
        ):
            raise ValidationError(
                {"filter": [_("At most ten filters, each with a name of letters, digits, - and _.")]}
            )
        if entry is not None:
            if entry.id is not None:
                uid = _uid(entry.id)
                rows = rows.filter(uid=uid) if uid is not None else rows.none()
            # What is no text, or has a name that is none here, is looked at row by row (`Agent.may`).
            filters |= {
                name: value
                for name, value in entry.properties.items()
                if isinstance(value, str) and "\0" not in value and _IN_SQL.fullmatch(name) is not None
            }
        for number, (name, value) in enumerate(filters.items()):
            held = Cast(KeyTextTransform(name, "custom_data"), TextField())
            rows = rows.annotate(**{f"_filter{number}": held}).filter(**{f"_filter{number}": value})
        return rows.order_by(*(("-activated_at", "-pk") if by_activation else ("-pk",)))

    def post(self, request: Request) -> Response:
        """Make a session that waits for its customer, who enters its nine digits on a page of the company."""
        given = body(request, shapes.NewSdkSession)
        _refuse_full_device(given)
        now = timezone.now()
        made = settled(start_by_agent(self.agent, data=given["custom_data"], now=now))
        return Response(_one(made, self.agent), status=status.HTTP_201_CREATED)


def _one(session: CobrowseSession, agent: Agent) -> dict[str, Any]:
    return session_json(session, agent=agent, idle=idle_of(agent.company_id))


def _as_it_is(row: Any, *, idle: timedelta, now: datetime) -> Any:
    """The row as it is to be shown: ended where time or silence has ended it."""
    found = lapse(row, idle=idle, now=now)
    return row if found is None else row._replace(**ending(*found, now=now))


def _refuse_full_device(given: dict[str, Any]) -> None:
    if given.get("full_device", "off") not in ("off", False, None):
        raise Refused(PAGES_ONLY)


class SdkOneSession(SdkView):
    """One session."""

    reads = shapes.SdkSession
    bodies = {"put": shapes.ChangedSdkSession}

    def _found(self, name: str) -> CobrowseSession:
        uid, now = _uid(name), timezone.now()
        if uid is not None:
            return settled(found_by_id(self.agent, uid, now=now))
        found = settled(found_by_agent(self.agent, name, now=now))
        if not self.agent.sees(found):
            raise Refused(NO_SUCH_SESSION)
        return found

    def get(self, request: Request, id: str) -> Response:
        """A session by its id or, while it waits, by its six-digit code. Reading it changes nothing."""
        return Response(_one(self._found(id), self.agent))

    def put(self, request: Request, id: str) -> Response:
        """Join it (`agent`), end it (`state`), ask for write mode or give it up (`remote_control`), or change custom data."""
        given = body(request, shapes.ChangedSdkSession)
        session = self._found(id)
        if given.pop("id", str(session.uid)) not in {str(session.uid), id}:
            raise Refused(NO_SUCH_SESSION)
        if len(given) != 1:
            raise Refused(ONE_AT_A_TIME)
        return Response(_one(self._changed(session, given), self.agent))

    def _changed(self, session: CobrowseSession, given: dict[str, Any]) -> CobrowseSession:
        agent, now = self.agent, timezone.now()
        if "full_device" in given:
            _refuse_full_device(given)
            return session  # off, as it is
        if "custom_data" in given:
            return settled(verbs.change_data(session, given["custom_data"], agent=agent, now=now))
        if "agent" in given:
            return settled(join_as_agent(session, Role.AGENT, agent=agent, now=now)).session
        if "state" in given:
            return settled(verbs.end_by_agent(session, agent=agent, now=now))
        if given["remote_control"] not in {"requested", "off"}:
            raise Refused(CUSTOMER_DECIDES)
        action = Action.REQUEST if given["remote_control"] == "requested" else Action.END
        return settled(
            verbs.change_mode(session, action, by=Role.AGENT, origin=agent.origin, agent=agent, now=now)
        )


class Recording(SdkView):
    """Recordings; there are none."""

    resource = "recordings"
    reads = shapes.SdkNothing

    def get(self, request: Request, id: str) -> Response:
        """There is none."""
        raise Refused(NO_RECORDING)

    def delete(self, request: Request, id: str) -> Response:
        """There is none to delete."""
        raise Refused(NO_RECORDING)
