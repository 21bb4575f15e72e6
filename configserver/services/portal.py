"""The verbs on portals: whoever is admitted can ask whose password is right, without a limit but the one that the portal keeps itself.

So a portal is admitted on the machine of the Configuration Server alone, and by no page and no call.
"""

from datetime import datetime

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import Origin, record
from configserver.portals import Portal
from core import entropy
from core.db import unit
from core.draft import line
from core.outcomes import Denied

PASSWORD_PURPOSE = "portal-password"  # noqa: S105
NAME_TAKEN = Denied(
    code="name_taken",
    message=_(
        "A portal of this name is admitted already: dismiss it first (--dismiss), or use another name."
    ),
)
NOT_FOUND = Denied(code="not_found", message=_("No portal of this name is admitted."))


def admit_portal(application: str, *, now: datetime) -> tuple[Portal, str] | Denied:
    """Let a portal ask; its password is told once, here."""
    name = line(application, field="application", longest=120)
    if isinstance(name, Denied):
        return name
    password = entropy.token("cfg")
    portal = Portal(
        application=name,
        username=f"portal-{entropy.words_code(8).lower()}",
        password=entropy.fingerprint(password, purpose=PASSWORD_PURPOSE),
        made_at=now,
    )
    try:
        with unit():
            portal.save()
            _record(Event.PORTAL_ADMITTED, portal, now=now)
    except IntegrityError:
        return NAME_TAKEN
    return portal, password


def dismiss_portal(application: str, *, now: datetime) -> Denied | None:
    """Answer this portal no more, from its next call on."""
    with unit():
        portal = Portal.objects.filter(application=application).first()
        if portal is None:
            return NOT_FOUND
        _record(Event.PORTAL_DISMISSED, portal, now=now)
        portal.delete()
    return None


def _record(event: Event, portal: Portal, *, now: datetime) -> None:
    record(event, origin=Origin(), at=now, company_id=None, subject=portal, username=portal.username)
