"""The outbox in the administration: what was asked for, what became of it, and why not."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as __

from audit.admin import CompanyFilter, company_names
from core.admin import VerbAdmin
from core.admin_pages import badge, object_verb, two_lines
from core.outcomes import Denied
from delivery.models import Delivery, State
from delivery.services import retry

TONES = {State.SENT: "ok", State.FAILED: "danger", State.EXPIRED: "warning"}


@admin.register(Delivery)
class DeliveryAdmin(VerbAdmin):
    """Mails and texts; a failed one can be sent again."""

    ordering = ("-id",)
    list_display = ("created_at", "to", "template", "outcome", "attempts", "company")
    list_filter = ("state", "kind", "created_at", CompanyFilter)
    sortable_by = ()
    search_fields = ("to",)
    search_help_text = __("The beginning of a mail address or telephone number.")
    object_verbs = ("retry",)
    fieldsets = (
        (None, {"fields": ("to", "kind", "template", "subject", "language", "from_address")}),
        (
            __("What became of it"),
            {
                "fields": (
                    "state_badge",
                    "error",
                    "attempts",
                    "created_at",
                    "next_try_at",
                    "expires_at",
                    "sent_at",
                    "delivered_at",
                    "provider_id",
                )
            },
        ),
    )
    readonly_fields = ("state_badge",)
    help_texts = {
        "state_badge": __("What became of it."),
        "subject": __("The line above the mail."),
        "language": __("In which it is written."),
        "created_at": __("When it was asked for."),
        "sent_at": __("When the mail server, or the provider of text messages, took it."),
        "delivered_at": __("When the provider said that it is on the phone; of mails nobody says so."),
        "provider_id": __("Under which the provider of text messages knows it."),
    }

    @admin.display(description=__("state"))
    def state_badge(self, delivery: Delivery) -> str:
        """The state as a badge."""
        if delivery.delivered_at is not None:
            return badge(gettext("Arrived"), tone="ok")
        return badge(delivery.get_state_display(), tone=TONES.get(State(delivery.state), ""))

    @admin.display(description=__("state"))
    def outcome(self, delivery: Delivery) -> str:
        """The state, and why it failed."""
        return two_lines(self.state_badge(delivery), delivery.error)

    @admin.display(description=__("company"))
    def company(self, delivery: Delivery) -> str:
        """The company by name."""
        return str(getattr(delivery, "company_name", "")) or "–"

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """The names of companies."""
        company_names(self, request, rows)

    @object_verb(
        __("Send again"),
        explains=__("It goes out at once. The code or link in it is the same as before."),
        done=__("It is on its way again."),
        bulk=True,
        offered=lambda delivery: delivery.state in {State.FAILED, State.QUEUED},
    )
    def retry(self, obj: Delivery, given: dict[str, Any], *, by: Any, now: datetime) -> Denied | None:
        """Send it again."""
        return retry(obj, origin=by.origin, now=now)
