"""People, their sessions and what signs them in."""

from accounts.models.integrations import Integration, IntegrationKey, KeySource, Preset, SpentToken
from accounts.models.joining import JoinLink
from accounts.models.keys import ApiKey
from accounts.models.people import Arrival, UsedPassword, User, UserManager
from accounts.models.sessions import Browser, RefreshToken, Session, SessionKind
from accounts.models.signing import SigningKey

__all__ = [
    "ApiKey",
    "Arrival",
    "Browser",
    "Integration",
    "IntegrationKey",
    "JoinLink",
    "KeySource",
    "Preset",
    "RefreshToken",
    "Session",
    "SessionKind",
    "SigningKey",
    "SpentToken",
    "UsedPassword",
    "User",
    "UserManager",
]
