"""Settings of the second factor (mission T1, T4)."""

from django.utils.translation import gettext_lazy as _

from configserver.directory import Protocol
from configserver.models import Directory
from core.options import Option, Value, declare
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.rules import visible_to
from tenants.settings import check_with
from twofactor.policy import STRICTNESS

POLICY = declare(
    Option(
        name="TwoFactor.Policy",
        default="optional",
        choices=STRICTNESS,
        strictest=True,
        help=_(
            "Whether a second factor is asked for at sign-in. Roles may ask for more; the strictest of role, company and global holds. "
            "The page Second factors tells beforehand who could not sign in."
        ),
    )
)
EMAIL_FIELD = declare(
    Option(
        name="TwoFactor.EmailField",
        default="email",
        choices=("email", "none"),
        help=_("Which field of a person holds the address for codes; none: no codes by e-mail."),
    )
)
PHONE_FIELD = declare(
    Option(
        name="TwoFactor.PhoneField",
        default="phone",
        choices=("phone", "none"),
        help=_("Which field of a person holds the number for codes; none: no codes by text message."),
    )
)
GENERATION = declare(
    Option(
        name="TwoFactor.CodeGeneration",
        default="both",
        choices=("internal", "external", "both"),
        help=_(
            "Who makes the codes: the portal, which sends them by e-mail and text message (internal); authenticator apps, the verification "
            "service and RADIUS (external); or both. Passkeys and recovery codes are always possible."
        ),
    )
)
NO_CONTACT = declare(
    Option(
        name="TwoFactor.NoVerifiedContactBehaviour",
        default="enrol",
        choices=("deny", "enrol", "agent", "allow"),
        help=_(
            "What happens when a second factor is needed and the person has no way to prove it: deny the sign-in, let the person verify "
            "the account's address or number now, or without either set up an app (enrol), ask for an administrator who makes "
            "sure of the person (agent), or allow it without."
        ),
    )
)
MAX_SENDS = declare(
    Option(
        name="TwoFactor.MaxCodeSends",
        default=3,
        minimum=1,
        maximum=10,
        help=_(
            "How many codes one sign-in may ask for. BehaviourAfterMaxCodeSends says what one more leads to."
        ),
    )
)
AFTER_SENDS = declare(
    Option(
        name="TwoFactor.BehaviourAfterMaxCodeSends",
        default="deny",
        choices=("deny", "lock", "agent", "wait"),
        help=_(
            "After the last code: deny this sign-in, lock the account until an administrator unlocks it, let an administrator "
            "make sure of the person (agent), or wait ten minutes."
        ),
    )
)
MAX_CHECKS = declare(
    Option(
        name="TwoFactor.MaxCodeChecks",
        default=5,
        minimum=1,
        maximum=10,
        help=_(
            "How often one code may be tried. BehaviourAfterMaxCodeChecks says what one more try leads to, even with the right code."
        ),
    )
)
AFTER_CHECKS = declare(
    Option(
        name="TwoFactor.BehaviourAfterMaxCodeChecks",
        default="deny",
        choices=("deny", "lock", "agent", "wait"),
        help=_(
            "After the last try: deny this sign-in, lock the account until an administrator unlocks it, let an administrator "
            "make sure of the person (agent), or wait ten minutes."
        ),
    )
)
SKIP = declare(
    Option(
        name="TwoFactor.SkipOptions",
        default="session",
        choices=("never", "session", "device"),
        help=_(
            "When the second factor is not asked for again: never skip, once per session, or also in a browser that the person asked to "
            "remember."
        ),
    )
)
REMEMBER_DAYS = declare(
    Option(
        name="TwoFactor.RememberDeviceDays",
        default=30,
        minimum=1,
        maximum=365,
        unit=_("days"),
        help=_("How long a remembered browser stands for the second factor (with the skip option “device”)."),
    )
)
DIGITS = declare(
    Option(
        name="TwoFactor.CodeDigits",
        default=6,
        minimum=4,
        maximum=10,
        unit=_("digits"),
        help=_("How long a code is."),
    )
)
EXPIRY = declare(
    Option(
        name="TwoFactor.CodeExpiryMinutes",
        default=10,
        minimum=1,
        maximum=60,
        unit=_("minutes"),
        help=_("How long a code is good."),
    )
)
RECOVERY_WAIT = declare(
    Option(
        name="TwoFactor.RecoveryWaitHours",
        default=72,
        minimum=0,
        maximum=720,
        unit=_("hours"),
        help=_(
            "How long somebody who has lost the second factor waits until a code to a verified address stands for it, once. Meanwhile the "
            "person is told on every channel and can end it. 0: only administrators help. Never for who may open the administration."
        ),
    )
)
EMAIL_FROM = declare(
    Option(
        name="TwoFactor.EmailFrom",
        default="",
        pattern=r"[^<>@\s]+@[^<>@\s]+|[^<>@\r\n]{1,100}<[^<>@\s]+@[^<>@\s]+>",
        help=_("Sender of the mails with codes; empty: DEFAULT_FROM_EMAIL of the installation."),
    )
)
EMAIL_SUBJECT = declare(
    Option(
        name="TwoFactor.EmailSubject",
        default="",
        help=_("Subject of the mails with codes; empty: “Your sign-in code” in the person's language."),
    )
)
SMS_FROM = declare(
    Option(
        name="TwoFactor.SmsFrom",
        default="",
        pattern=r"\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11}",
        help=_(
            "Sender of the text messages, a number or a name of up to 11 letters; empty: TWILIO_FROM of the installation."
        ),
    )
)
PROMPT = declare(
    Option(
        name="TwoFactor.ExternalPrompt",
        default="",
        help=_(
            "What a person reads who proves it with an app, the verification service or RADIUS; empty: “Enter the verification code on "
            "your device to sign in.” in the person's language."
        ),
    )
)
_URL = r"https?://[^\s/?#@]+(/[^\s?#]*)?"
URL_TEST = declare(
    Option(
        name="TwoFactor.WebServiceUrlTest",
        default="",
        pattern=_URL,
        help=_("Address of the verification service while WebServiceMode is test; https, as for production."),
    )
)
URL_PRODUCTION = declare(
    Option(
        name="TwoFactor.WebServiceUrlProduction",
        default="",
        pattern=_URL,
        help=_(
            "Address of the verification service while WebServiceMode is production: https, and on the open internet or in a network that "
            "OUTBOUND_ALLOW names."
        ),
    )
)
SERVICE_MODE = declare(
    Option(
        name="TwoFactor.WebServiceMode",
        default="production",
        choices=("test", "production"),
        help=_("Which of the two addresses is asked."),
    )
)
SERVICE_TIMEOUT = declare(
    Option(
        name="TwoFactor.WebServiceTimeoutMs",
        default=5000,
        minimum=100,
        maximum=30_000,
        unit=_("ms"),
        help=_(
            "How long the verification service may take. After that the code is not accepted, and another one is asked for."
        ),
    )
)
RADIUS_DIRECTORY = declare(
    Option(
        name="TwoFactor.RadiusDirectory",
        default="",
        pattern=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        help=_(
            "Id of the RADIUS directory that checks the codes of people's tokens, as the API shows it; empty: none does. Directories "
            "belong to the installation, so whoever sees none cannot name one here, for a company either."
        ),
    )
)


def _refuse_directory(value: Value, by: Actor) -> Denied | None:
    """Only a RADIUS directory that is switched on, and that whoever sets it sees: nobody tries codes at another's server."""
    seen = visible_to(by.rights, Directory).filter(protocol=Protocol.RADIUS, is_active=True)
    if not value or seen.filter(uid=str(value)).exists():
        return None
    return Denied(
        code="invalid",
        field=RADIUS_DIRECTORY.name,
        message=_("There is no RADIUS directory of this id that is switched on and that you can see."),
    )


check_with(RADIUS_DIRECTORY, _refuse_directory)
