"""Events that are often asked for together."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.events import Event

FAILURES = (Event.LOGIN_PASSWORD_REFUSED, Event.LOGIN_CODE_REFUSED, Event.LOGIN_DENIED, Event.LOGIN_LIMITED)
GROUPS: dict[str, tuple[str | Promise, tuple[Event, ...]]] = {
    "failures": (_("Failed sign-ins"), FAILURES),
    "refusals": (_("Refused changes"), (Event.REFUSED,)),
    "signins": (_("Sign-ins"), (Event.LOGIN_SUCCEEDED,)),
    "people": (_("Changes to people"), tuple(one for one in Event if one.value.startswith("accounts:user:"))),
    "joining": (_("Join links"), tuple(one for one in Event if one.value.startswith("accounts:joinlink:"))),
    "help": (_("Help at the sign-in"), tuple(one for one in Event if one.value.startswith("login:help:"))),
    "rights": (
        _("Changes to companies and rights"),
        tuple(one for one in Event if one.value.startswith("tenants:")),
    ),
}
