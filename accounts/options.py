"""Settings about sessions, links and signing up."""

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
IMPERSONATION_MINUTES = declare(
    Option(
        name="Session.ImpersonationMinutes",
        default=30,
        minimum=5,
        maximum=120,
        unit=_("minutes"),
        help=_("Minutes for which an administrator can act as another person at a time."),
    )
)
SIGNING_KEY_DAYS = declare(
    Option(
        name="Tokens.SigningKeyDays",
        default=30,
        minimum=1,
        maximum=365,
        unit=_("days"),
        company=False,
        help=_(
            "Days for which a key signs tokens before the next one takes its place by itself; what it signed goes on holding."
        ),
    )
)
MODE = declare(
    Option(
        name="Login.ExternalAuthenticationMode",
        default="None",
        choices=("None", "ConfigServer"),
        company=False,
        help=_("Whether people kept in the Configuration Server can sign in: None keeps them out."),
    )
)
DEFAULT_COMPANY = declare(
    Option(
        name="GenesysSDK.ConfigServerLogin.DefaultCompanyID",
        default="",
        pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        company=False,
        help=_(
            "Id of the company for directory accounts whose tenant is linked to none, as the API shows it. Empty: they are turned away."
        ),
    )
)
SIGN_UP = declare(
    Option(
        name="SignUp.Allowed",
        default=False,
        help=_(
            "Whether people may sign up by themselves, by a link to their address; they get the lowest role of the company."
        ),
    )
)
ADDRESSES = declare(
    Option(
        name="MagicLink.AllowedAddresses",
        default="",
        help=_(
            "A regular expression for the whole e-mail address, such as .+@acme\\.example; any other address is mailed no link to sign in, "
            "join or sign up. Empty: every address."
        ),
    )
)
