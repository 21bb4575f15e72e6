"""Sessions in the administration."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts import ending
from accounts.held import HELD_THROUGH, held_by
from accounts.models import Session
from core.admin import VerbAdmin
from core.admin_lists import UsualFirst, VisibleRelatedFilter
from core.admin_pages import badge, object_verb, two_lines
from core.outcomes import Denied
from tenants.actor import Actor


class LiveFilter(UsualFirst):
    """Live sessions, unless others are asked for."""

    title = __("state")
    parameter_name = "state"
    usual = __("Live")
    through = ""  # the path from a row of the list to its session

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What can be asked for besides live ones."""
        return [("ended", __("Ended")), ("all", __("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows in this state."""
        live = Session.live(now=timezone.now(), path=self.through)
        if self.value() == "all":
            return queryset
        return queryset.exclude(live) if self.value() == "ended" else queryset.filter(live)


class SessionAdmin(VerbAdmin):
    """Who is signed in, and who was."""

    ordering = ("-id",)
    list_display = ("user", "company", "created_at", "seen_at", "program", "state")
    list_filter = (LiveFilter, "kind", ("user__company", VisibleRelatedFilter))
    list_select_related = ("user", "user__company", *HELD_THROUGH)
    sortable_by = ()
    search_fields = ("~user__login_key", "user__display_name", "=address")
    search_help_text = __("The beginning of a person's sign-in name or name, or a whole network address.")
    object_verbs = ("end",)
    fieldsets = (
        (None, {"fields": ("user", "state", "kind", "holder", "proofs", "address", "user_agent")}),
        (
            __("Times"),
            {
                "fields": (
                    "created_at",
                    "seen_at",
                    "confirmed_at",
                    "expires_at",
                    "locked_at",
                    "ended_at",
                    "ended_reason",
                )
            },
        ),
    )
    readonly_fields = ("state", "holder", "proofs")
    help_texts = {
        "user": __("Who is signed in."),
        "state": __("Whether the session still holds."),
        "kind": __("A browser holds it by a cookie, a program by tokens or by a key."),
        "holder": __("The program, or the name of the API key or integration."),
        "proofs": __("How the person proved who they are: pwd is a password, otp a code."),
        "address": __("Where it was begun from."),
        "user_agent": __("What the program calls itself."),
        "created_at": __("When the person signed in."),
        "seen_at": __("When it was last used, to a minute."),
        "confirmed_at": __("When the person last proved who they are in it."),
        "expires_at": __("It ends then at the latest, used or not."),
        "locked_at": __("When it was locked because nobody used it; the password opens it again."),
        "ended_at": __("When it ended."),
        "ended_reason": __("Why it ended."),
    }

    @admin.display(description=__("company"))
    def company(self, session: Session) -> str:
        """The person's company."""
        return str(session.user.company or "–")

    @admin.display(description=__("program and address"))
    def program(self, session: Session) -> str:
        """What holds it, and where it is."""
        return two_lines(held_by(session), f"{session.get_kind_display()} · {session.address or '–'}")

    @admin.display(description=__("program"))
    def holder(self, session: Session) -> str:
        """What holds it, by name."""
        return held_by(session)

    @admin.display(description=__("proved by"))
    def proofs(self, session: Session) -> str:
        """The methods in one line."""
        return ", ".join(session.methods) or "–"

    @admin.display(description=__("state"))
    def state(self, session: Session) -> str:
        """Live, locked or ended."""
        if not session.is_live(now=timezone.now()):
            return badge(_("Ended"), tone="")
        return badge(_("Locked"), tone="warning") if session.locked_at else badge(_("Live"), tone="ok")

    @object_verb(
        __("End"),
        explains=__("The person is signed out there within a second, and its tokens stop working."),
        done=__("The session has ended."),
        needs="delete",
        danger=True,
        bulk=True,
        offered=lambda session: session.is_live(now=timezone.now()),
    )
    def end(self, obj: Session, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """End the session."""
        return ending.end_session(obj, by=by, now=now)
