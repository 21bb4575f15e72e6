"""Settings about sessions."""

from django.utils.translation import gettext_lazy as _

from core.options import Option, declare

IDLE_LOCK = declare(
    Option(
        name="Session.IdleLockMinutes",
        default=15,
        minimum=0,
        maximum=1440,
        unit=_("minutes"),
        help=_(
            "Minutes without use after which a page asks for the password again; nothing typed is lost. 0: never."
        ),
    )
)
ABSOLUTE_HOURS = declare(
    Option(
        name="Session.AbsoluteHours",
        default=12,
        minimum=1,
        maximum=720,
        unit=_("hours"),
        help=_("Hours after which a session ends, used or not."),
    )
)
