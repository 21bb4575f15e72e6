"""Co-browse sessions in the administration: read, and ended. Never the digits of one, for they are what lets somebody in."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from cobrowse.models import ASKED, ENDINGS, MODES, AgentToken, CobrowseSession
from cobrowse.sessions.history import visits
from cobrowse.sessions.life import as_it_is, in_state, live, settled
from cobrowse.sessions.states import Asked, Role, State
from cobrowse.sessions.verbs import end_by_administrator
from core.admin import VerbAdmin
from core.admin_lists import UsualFirst, VisibleRelatedFilter
from core.admin_pages import Panel, Words, badge, object_verb, two_lines, when
from core.outcomes import Denied
from tenants.actor import Actor

STATES: Mapping[str, tuple[str, Words]] = {
    State.IDLE: ("warning", __("Waiting")),
    State.ACTIVE: ("ok", __("Active")),
    State.ENDED: ("", __("Ended")),
}


class StateFilter(UsualFirst):
    """Live sessions, unless others are asked for."""

    title = __("state")
    parameter_name = "state"
    usual = __("Live")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What can be asked for besides all that are live."""
        return [
            ("waiting", __("Waiting")),
            ("active", __("Active")),
            ("ended", __("Ended")),
            ("all", __("All")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows in this state."""
        now = timezone.now()
        wanted = {
            "waiting": in_state([State.IDLE], now=now),
            "active": in_state([State.ACTIVE], now=now),
            "ended": in_state([State.ENDED], now=now),
            "all": Q(),
        }
        return queryset.filter(wanted.get(self.value() or "", live(now=now)))


def length_of(session: CobrowseSession, *, now: datetime) -> timedelta | None:
    """How long both sides have been there; None where they never were."""
    if session.activated_at is None:
        return None
    return timedelta(seconds=int(max(((session.ended_at or now) - session.activated_at).total_seconds(), 0)))


@admin.register(CobrowseSession)
class CobrowseSessionAdmin(VerbAdmin):
    """Who looks at whose page, and who did."""

    ordering = ("-id",)
    list_display = ("started", "state_shown", "agent_and_site", "company", "lasted")
    list_filter = (StateFilter, ("company", VisibleRelatedFilter))
    list_select_related = ("company",)
    list_prefetch_related = ("participants",)
    sortable_by = ()
    object_verbs = ("end",)
    fieldsets = (
        (None, {"fields": ("uid", "state_badge", "mode_shown", "agent_shown", "company", "site")}),
        (
            __("Times"),
            {
                "fields": (
                    "created_at",
                    "expires_at",
                    "activated_at",
                    "customer_heard",
                    "agent_heard",
                    "ended_at",
                    "why",
                    "lasted",
                )
            },
        ),
    )
    readonly_fields = (
        "state_badge",
        "mode_shown",
        "agent_shown",
        "site",
        "customer_heard",
        "agent_heard",
        "why",
        "lasted",
    )
    help_texts = {
        "uid": __("By this id it stands in the history; nobody joins by it."),
        "state_badge": __("It waits until customer and agent are both there, and ends once."),
        "mode_shown": __(
            "Whether the agent may only point, or also write and click, as the customer granted it."
        ),
        "agent_shown": __("Who joined it, or waits in it."),
        "company": __("Whose customer it is."),
        "site": __("Where the customer's page is."),
        "created_at": __("When it was started."),
        "expires_at": __("Until then somebody could join; one that nobody joined ended then."),
        "activated_at": __("When both sides were there."),
        "customer_heard": __("When the customer's page last gave a sign of life, to some seconds."),
        "agent_heard": __("The same of the agent's."),
        "ended_at": __("From then on nobody joins or looks."),
        "why": __("By whom or by what."),
        "lasted": __("Hours, minutes and seconds since both sides were there."),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The sessions without the digits by which somebody joins them."""
        found: QuerySet[Any] = super().get_queryset(request).defer("token", "code")
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The session as it really is."""
        return settled(super().get_object(request, object_id), now=timezone.now())

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """None is shown as live that is over."""
        now = timezone.now()
        for row in rows:
            as_it_is(row, now=now)

    # --- columns and what is only read -----------------------------------------------------------------------------------

    @admin.display(description=__("started, customer"))
    def started(self, session: CobrowseSession) -> str:
        """When, over the customer's name."""
        names = [one.name for one in session.participants.all() if one.role == Role.CUSTOMER]
        return two_lines(when(session.created_at), next(iter(names), ""))

    @admin.display(description=__("state"))
    def state_badge(self, session: CobrowseSession) -> str:
        """Waiting, active or ended."""
        tone, word = STATES[session.state]
        return badge(word, tone=tone)

    @admin.display(description=__("state and mode"))
    def state_shown(self, session: CobrowseSession) -> str:
        """The state over the mode of one that is active, or over why it ended."""
        told = self.mode_shown(session) if session.state == State.ACTIVE else self.why(session)
        return two_lines(self.state_badge(session), told if told != "–" else "")

    @admin.display(description=__("mode"))
    def mode_shown(self, session: CobrowseSession) -> str:
        """What the agent may do, while it is active, and whether write mode was asked for."""
        if session.state != State.ACTIVE:
            return "–"
        mode = str(MODES[session.mode])
        if session.asked == Asked.NO:
            return mode
        return _("%(mode)s, write mode: %(asked)s") % {"mode": mode, "asked": ASKED[session.asked]}

    @admin.display(description=__("agent and site"))
    def agent_and_site(self, session: CobrowseSession) -> str:
        """Both in one."""
        return two_lines(self.agent_shown(session), session.origin)

    @admin.display(description=__("agent"))
    def agent_shown(self, session: CobrowseSession) -> str:
        """By name, which outlives the account."""
        return session.agent_name or "–"

    @admin.display(description=__("site"))
    def site(self, session: CobrowseSession) -> str:
        """The origin of the customer's page."""
        return session.origin or "–"

    @admin.display(description=__("lasted"))
    def lasted(self, session: CobrowseSession) -> str:
        """How long."""
        return str(length_of(session, now=timezone.now()) or "–")

    @admin.display(description=__("why it ended"))
    def why(self, session: CobrowseSession) -> str:
        """In words."""
        return str(ENDINGS.get(session.ended_reason, "–"))

    @admin.display(description=__("customer last heard"))
    def customer_heard(self, session: CobrowseSession) -> str:
        """When."""
        return when(session.customer_seen_at)

    @admin.display(description=__("agent last heard"))
    def agent_heard(self, session: CobrowseSession) -> str:
        """When."""
        return when(session.agent_seen_at)

    # --- what else is shown ----------------------------------------------------------------------------------------------

    def panels(self, request: HttpRequest, obj: CobrowseSession) -> Sequence[Panel]:
        """Who was in it, what they looked at, the tokens for agents, and what it carries."""
        now = timezone.now()
        return [_people(obj), _pages(obj, now=now), _tokens(obj, now=now), _data(obj)]

    # --- verbs -----------------------------------------------------------------------------------------------------------

    @object_verb(
        __("End"),
        explains=__("Customer and agent are parted within a second. What ended cannot be joined again."),
        done=__("The session has ended."),
        needs="delete",
        danger=True,
        bulk=True,
        offered=lambda session: session.ended_at is None,
    )
    def end(
        self, obj: CobrowseSession, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> CobrowseSession | Denied:
        """End the session for everybody in it."""
        return end_by_administrator(obj, by=by, now=now)


def _people(session: CobrowseSession) -> Panel:
    return Panel(
        title=_("Who was in it"),
        headers=(_("Role"), _("Name"), _("Joined"), _("Left")),
        rows=[
            (one.get_role_display(), one.name or "–", when(one.joined_at), when(one.left_at))
            for one in session.participants.all()
        ],
        empty=_("Nobody has joined."),
    )


def _pages(session: CobrowseSession, *, now: datetime) -> Panel:
    return Panel(
        title=_("Pages that were seen"),
        lead=_("Without what follows ? or # in an address, which may be about a person."),
        headers=(_("Page"), _("Entered"), _("Looked at for")),
        rows=[
            (one.url, when(one.entered_at), timedelta(seconds=seconds))
            for one, seconds in visits(session, now=now)
        ],
        empty=_("None was told of."),
    )


def _tokens(session: CobrowseSession, *, now: datetime) -> Panel:
    return Panel(
        title=_("Tokens for one agent in this session"),
        headers=(_("For"), _("Allows"), _("Made"), _("Ends"), _("State")),
        rows=[
            (
                one.sign_in.user,
                one.get_right_display(),
                when(one.created_at),
                when(one.expires_at),
                _token_state(one, now=now),
            )
            for one in session.agent_tokens.select_related("sign_in__user")
        ],
        empty=_("None was made."),
    )


def _token_state(token: AgentToken, *, now: datetime) -> str:
    if token.revoked_at is not None:
        return badge(_("Revoked"), tone="")
    return badge(_("Live"), tone="ok") if now < token.expires_at else badge(_("Ended"), tone="")


def _data(session: CobrowseSession) -> Panel:
    return Panel(
        title=_("Custom data"),
        headers=(_("Name"), _("Value")),
        rows=[(name, "–" if value is None else str(value)) for name, value in session.custom_data.items()],
        empty=_("None."),
    )
