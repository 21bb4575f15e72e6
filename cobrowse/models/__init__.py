"""Applications with their options, and sessions with who is in them."""

from cobrowse.models.applications import AllowedOrigin, Application, ApplicationType, Option, Validity
from cobrowse.models.sessions import (
    ASKED,
    ENDINGS,
    MODES,
    RIGHTS,
    ROLES,
    STATES,
    AgentToken,
    CobrowseSession,
    Page,
    Participant,
)

__all__ = [
    "ASKED",
    "ENDINGS",
    "MODES",
    "RIGHTS",
    "ROLES",
    "STATES",
    "AgentToken",
    "AllowedOrigin",
    "Application",
    "ApplicationType",
    "CobrowseSession",
    "Option",
    "Page",
    "Participant",
    "Validity",
]
