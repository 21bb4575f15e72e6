"""Applications with their options, and sessions with who is in them."""

from cobrowse.models.applications import AllowedOrigin, Application, ApplicationType, Option, Validity
from cobrowse.models.sessions import (
    AgentToken,
    Asked,
    CobrowseSession,
    Ended,
    Mode,
    Page,
    Participant,
    Right,
    Role,
    State,
)

__all__ = [
    "AgentToken",
    "AllowedOrigin",
    "Application",
    "ApplicationType",
    "Asked",
    "CobrowseSession",
    "Ended",
    "Mode",
    "Option",
    "Page",
    "Participant",
    "Right",
    "Role",
    "State",
    "Validity",
]
