"""Settings about passwords and lockout: the section `security-authentication-rules` that tenants of a Configuration Server carry.

The global values are those of its root tenant ENVIRONMENT. A tenant's own values stand above them (`configserver.tree`), and a
company's above those of its tenant.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from configserver import passwords
from core.options import Option, Snapshot, declare, declared

SECTION = "security-authentication-rules"

STRICT = declare(
    Option(
        name="Login.Security.Strict",
        default=False,
        help=_(
            "Add the rules of the section security-authentication-rules. The floor always holds: 12 to 128 characters, and not on the "
            "list of common passwords."
        ),
    )
)


def _rule(
    name: str,
    default: int | bool,
    help: str | Promise,
    *,
    maximum: int | None = None,
    unit: str | Promise = "",
) -> Option:
    return declare(
        Option(
            name=f"{SECTION}.{name}",
            default=default,
            help=help,
            minimum=None if isinstance(default, bool) else 0,
            maximum=maximum,
            unit=unit,
        )
    )


_DAYS, _MINUTES = _("days"), _("minutes")
MIN_LENGTH = _rule(
    "password-min-length", 0, _("Least length of a password; below 12 the floor of 12 holds."), maximum=64
)
ALPHA = _rule("password-req-alpha", False, _("A password needs a letter."))
MIXED_CASE = _rule("password-req-mixed-case", False, _("A password needs a small and a capital letter."))
NUMBER = _rule("password-req-number", False, _("A password needs a digit."))
PUNCTUATION = _rule(
    "password-req-punctuation", False, _("A password needs a character that is no letter and no digit.")
)
NO_REPEATS = _rule(
    "password-no-repeats", 0, _("How many earlier passwords cannot be taken again."), maximum=30
)
EXPIRATION = _rule(
    "password-expiration", 0, _("Days until a password must be changed; 0: never."), maximum=365, unit=_DAYS
)
NOTIFY = _rule(
    "password-expiration-notify",
    0,
    _("Days before the expiry in which people are warned; 0: no warning."),
    maximum=364,
    unit=_DAYS,
)
ACCOUNT_EXPIRATION = _rule(
    "account-expiration",
    0,
    _("Days that an account may stay unused; after that an administrator has to unlock it. 0: no end."),
    maximum=365,
    unit=_DAYS,
)
LOCKOUT_THRESHOLD = _rule(
    "account-lockout-threshold",
    0,
    _("Wrong passwords after which the account is locked for a while; 0: only the general limits hold."),
    maximum=8,
)
LOCKOUT_WINDOW = _rule(
    "account-lockout-attempts-period",
    0,
    _("Minutes in which wrong passwords count together; 0: as long as the lock lasts."),
    maximum=20,
    unit=_MINUTES,
)
LOCKOUT_DURATION = _rule(
    "account-lockout-duration",
    30,
    _("Minutes that the lock lasts; 0: until an administrator unlocks it."),
    maximum=1440,
    unit=_MINUTES,
)
MAX_SESSIONS = _rule(
    "max-account-sessions",
    0,
    _("How many sessions one person may have at once; one more ends the oldest. 0: any number."),
    maximum=128,
)


def tenant_rules() -> dict[str, Option]:
    """The rules that a tenant can have, by name."""
    return {name: one for name, one in declared().items() if name.startswith(f"{SECTION}.")}


def password_rules(settings: Snapshot) -> passwords.Rules:
    """The rules in force under these settings, beyond the floor."""
    if not settings.on(STRICT):
        return passwords.NONE
    return passwords.Rules(
        min_length=settings.number(MIN_LENGTH),
        alpha=settings.on(ALPHA),
        mixed_case=settings.on(MIXED_CASE),
        number=settings.on(NUMBER),
        punctuation=settings.on(PUNCTUATION),
        no_repeats=settings.number(NO_REPEATS),
        expiration_days=settings.number(EXPIRATION),
        notify_days=settings.number(NOTIFY),
        account_expiration_days=settings.number(ACCOUNT_EXPIRATION),
        lockout_threshold=settings.number(LOCKOUT_THRESHOLD),
        lockout_minutes_window=settings.number(LOCKOUT_WINDOW),
        lockout_minutes=settings.number(LOCKOUT_DURATION),
        max_sessions=settings.number(MAX_SESSIONS),
    )
