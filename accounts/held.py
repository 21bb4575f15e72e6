"""What holds a session, in words: a browser or program, an API key by its name, an integration."""

from django.core.exceptions import ObjectDoesNotExist
from django.template.loader import render_to_string

from accounts.models import Session, SessionKind

HELD_THROUGH = ("api_key", "integration", "through__user")  # what a list of sessions reads with them


def device(agent: str) -> str:
    """A browser and its system in two words, as people read it of their own sessions."""
    return render_to_string("includes/device.html", {"agent": agent})


def name_of_holder(session: Session) -> str:
    """The name of the API key, integration or administrator that holds it; empty where the person signed in himself.

    Read with `HELD_THROUGH`.
    """
    if (behind := session.impersonator) is not None:
        return behind.display_name
    if session.integration is not None:
        return session.integration.name
    if session.kind == SessionKind.OPENID:
        return str((session.grant or {}).get("name", ""))
    if session.kind != SessionKind.KEY:
        return ""
    try:
        return session.api_key.name
    except ObjectDoesNotExist:
        return ""


def held_by(session: Session) -> str:
    """What people read in a list of sessions."""
    return name_of_holder(session) or device(session.user_agent)
