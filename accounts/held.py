"""What holds a session, in words: a browser or program, an API key by its name, an integration."""

from django.core.exceptions import ObjectDoesNotExist
from django.template.loader import render_to_string

from accounts.models import Session, SessionKind


def device(agent: str) -> str:
    """A browser and its system in two words, as people read it of their own sessions."""
    return render_to_string("includes/device.html", {"agent": agent})


def name_of_holder(session: Session) -> str:
    """The name of the API key or integration that holds it; empty where a person signed in. Read with `api_key` and `integration`."""
    if session.integration is not None:
        return session.integration.name
    if session.kind != SessionKind.KEY:
        return ""
    try:
        return session.api_key.name
    except ObjectDoesNotExist:
        return ""


def held_by(session: Session) -> str:
    """What people read in a list of sessions."""
    return name_of_holder(session) or device(session.user_agent)
