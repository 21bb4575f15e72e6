"""Whether a request of the agent's side goes on: the table of the source system, cell by cell. Pure (mission C4, seed 000).

The cluster's own token decides. Where it has none, authentication is off and everything goes on, with a warning where the desktop
sent a token; unless the company says that off means refuse.
"""

from dataclasses import dataclass
from enum import StrEnum


class Sent(StrEnum):
    """What the desktop sent, held against the cluster's token."""

    ABSENT = "absent"
    VALID = "valid"
    OTHER = (
        "other"  # there is one, and it is not the cluster's; where the cluster has none, it is always this
    )


class Log(StrEnum):
    """What the server's log says; the names do not change."""

    INVALID = "cobrowse.token.invalid"
    MISSING = "cobrowse.token.missing"
    NOT_CONFIGURED = "cobrowse.token.not_configured"


class Reason(StrEnum):
    """Why it does not go on; the names do not change."""

    INVALID = "agent_token_invalid"
    MISSING = "agent_token_missing"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of the request."""

    goes_on: bool
    authenticated: bool = False
    log: Log | None = None  # always a warning, and never the token
    reason: Reason | None = None


def decide(*, is_set: bool, sent: Sent, refuse_unset: bool) -> Verdict:
    """The verdict for a company whose cluster has a token (`is_set`) or none, and which may refuse where it has none."""
    if is_set:
        if sent is Sent.VALID:
            return Verdict(goes_on=True, authenticated=True)
        if sent is Sent.ABSENT:
            return Verdict(goes_on=False, log=Log.MISSING, reason=Reason.MISSING)
        return Verdict(goes_on=False, log=Log.INVALID, reason=Reason.INVALID)
    if refuse_unset:
        reason = Reason.MISSING if sent is Sent.ABSENT else Reason.INVALID
        return Verdict(goes_on=False, log=Log.NOT_CONFIGURED, reason=reason)
    return Verdict(goes_on=True, log=None if sent is Sent.ABSENT else Log.NOT_CONFIGURED)
