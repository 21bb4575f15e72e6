"""Runtime settings about co-browse."""

from django.utils.translation import gettext_lazy as _

from core.options import Option, declare

REFUSE_WHEN_UNSET = declare(
    Option(
        name="Cobrowse.RefuseWhenTokenUnset",
        default=False,
        help=_(
            "Whether agents are refused while the Co-browse Cluster application has no token. Off: authentication is then off, "
            "as in the source system, and every agent with the privilege is let in."
        ),
    )
)
SESSIONS_PER_AGENT = declare(
    Option(
        name="Cobrowse.SessionsPerAgent",
        default=1,
        minimum=1,
        maximum=20,
        help=_("Co-browse sessions that one agent may be in at the same time."),
    )
)
IDLE_MINUTES = declare(
    Option(
        name="Cobrowse.IdleMinutes",
        default=5,
        minimum=1,
        maximum=60,
        unit=_("minutes"),
        help=_("Minutes of silence of the customer or the agent after which a co-browse session ends."),
    )
)
CODE_MINUTES = declare(
    Option(
        name="Cobrowse.SixDigitCodeMinutes",
        default=20,
        minimum=1,
        maximum=120,
        unit=_("minutes"),
        help=_("Minutes for which a co-browse session waits for the other side, and its digits can be used."),
    )
)
HISTORY_DAYS = declare(
    Option(
        name="Cobrowse.HistoryDays",
        default=90,
        minimum=1,
        maximum=3650,
        unit=_("days"),
        company=False,
        help=_("Days for which ended co-browse sessions are kept, with the pages that were seen."),
    )
)
