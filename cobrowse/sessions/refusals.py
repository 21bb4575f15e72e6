"""What the refusals of the state machine are to the outside."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from cobrowse.sessions.finding import ENDED
from cobrowse.sessions.states import Refusal
from core.outcomes import Denied

REFUSALS: Mapping[Refusal, Denied] = {
    Refusal.OVER: ENDED,
    Refusal.TAKEN: Denied(
        code="session_taken",
        message=_(
            "Somebody has joined this session already. A session is joined once; the customer can start another one."
        ),
    ),
    Refusal.NOT_ACTIVE: Denied(
        code="session_not_active", message=_("The other side has not joined this session yet.")
    ),
    Refusal.NOT_YOURS: Denied(code="not_yours_to_decide", message=_("The other side decides this.")),
    Refusal.NOT_ASKED: Denied(code="not_asked", message=_("The agent has not asked for write mode.")),
    Refusal.AS_IT_IS: Denied(code="nothing_changed", message=_("It is so already.")),
}
