"""Settings of text messages: what they may cost, and where they may go. They hold for the whole installation, which pays for them."""

from django.utils.translation import gettext_lazy as _

from core.options import Option, declare

PER_NUMBER = declare(
    Option(
        name="TextMessages.MaxPerNumberDay",
        default=10,
        minimum=1,
        maximum=100,
        unit=_("messages"),
        company=False,
        help=_(
            "How many text messages one number may get in 24 hours, counted apart for sign-ins, for verifying it, and for notices."
        ),
    )
)
PER_COUNTRY = declare(
    Option(
        name="TextMessages.MaxPerCountryDay",
        default=500,
        minimum=1,
        maximum=1_000_000,
        unit=_("messages"),
        company=False,
        help=_("How many text messages may go to the numbers of one country in 24 hours."),
    )
)
PER_DAY = declare(
    Option(
        name="TextMessages.MaxPerDay",
        default=2_000,
        minimum=1,
        maximum=10_000_000,
        unit=_("messages"),
        company=False,
        help=_("How many text messages may be sent in 24 hours in all. It bounds what an attack can cost."),
    )
)
COUNTRIES = declare(
    Option(
        name="TextMessages.Countries",
        default="",
        pattern=r"[A-Z]{2}( *, *[A-Z]{2})*",
        company=False,
        help=_(
            "The countries to whose numbers text messages go, such as DE, AT, CH (ISO 3166); empty: every country."
        ),
    )
)
