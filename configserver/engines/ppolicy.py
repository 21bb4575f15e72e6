"""What a directory says of a password beside right and wrong, by the Behera draft of password policies or as Active Directory."""

import re
from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from configserver.engines.base import Changed, NotTaken, Refused

CONTROL = "1.3.6.1.4.1.42.2.27.8.5.1"  # draft-behera-ldap-password-policy, section 6


class Error(IntEnum):
    """The errors of the control, by its numbers."""

    EXPIRED = 0
    LOCKED = 1
    MUST_CHANGE = 2
    NOT_ALLOWED = 3
    CURRENT_MISSING = 4
    TOO_WEAK = 5
    TOO_SHORT = 6
    TOO_YOUNG = 7
    USED_BEFORE = 8
    TOO_LONG = 9


_ERRORS = {int(one): one for one in Error}
_SENTENCES: dict[Error, str | Promise] = {
    Error.NOT_ALLOWED: _("The directory does not let you change this password."),
    Error.CURRENT_MISSING: _("The directory does not let you change this password."),
    Error.TOO_WEAK: _("The directory finds this password too easy to guess. Choose another one."),
    Error.TOO_SHORT: _("The directory asks for a longer password."),
    Error.TOO_YOUNG: _(
        "Your password was changed a short while ago. The directory does not take another one yet."
    ),
    Error.USED_BEFORE: _("You have had this password before. Choose another one."),
    Error.TOO_LONG: _("The directory asks for a shorter password."),
}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the control says; None: nothing."""

    error: Error | None = None
    expires_in: int | None = None  # seconds
    grace_left: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of one operation: its code and name (RFC 4511, 4.1.9), the server's own text, and the value of the control."""

    code: int
    name: str
    text: str = ""
    control: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The password is right."""

    must_change: bool = False
    grace_left: int | None = None
    expires_in: int | None = None


def policy_of(value: bytes | None) -> Policy:
    """Read the value of the control (BER); what is not as the draft says is as if it were not there."""
    warning: dict[int, int] = {}
    error: Error | None = None
    for tag, content in _parts(_only(value or b"", tag=0x30)):
        if tag == 0xA0:
            warning |= {kind: int.from_bytes(number) for kind, number in _parts(content)}
        elif tag == 0x81:
            error = _ERRORS.get(int.from_bytes(content))
    return Policy(error=error, expires_in=warning.get(0x80), grace_left=warning.get(0x81))


def _only(value: bytes, *, tag: int) -> bytes:
    parts = _parts(value)
    return parts[0][1] if len(parts) == 1 and parts[0][0] == tag else b""


def _parts(value: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element; one that is longer than 127 bytes or cut short ends the reading, for the control has none."""
    parts = []
    while len(value) >= 2 and value[1] < 0x80 and len(value) >= 2 + value[1]:
        end = 2 + value[1]
        parts.append((value[0], value[2:end]))
        value = value[end:]
    return parts if not value else []


# The codes of Active Directory (LDAP_INVALID_CREDENTIALS, "data …"). The first two are told for the right password alone.
_ACTIVE_DIRECTORY = {
    "532": Refused(reason="expired", told="expired"),
    "773": Refused(reason="must_change", told="must_change"),
    "533": Refused(reason="disabled"),
    "701": Refused(reason="account_expired"),
    "775": Refused(reason="locked"),
}
_DATA = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]{1,8})\b")

# Result codes by which a server refuses this one person; any other failure is a trouble of the server.
_REFUSALS = {
    10: "referral",  # another host would know; a password is never taken there
    19: "locked",  # constraintViolation: how some servers say that there were too many tries
    32: "unknown",  # noSuchObject
    34: "unknown",  # invalidDNSyntax: of a name that makes no DN
    48: "no_password",  # inappropriateAuthentication
    49: "wrong",
    50: "not_allowed",
    53: "not_allowed",
}


def judged(answer: Answer) -> Accepted | Refused | None:
    """What the answer to a bind means for the person; None: the server is in trouble."""
    policy = policy_of(answer.control)
    if answer.code == 0:
        return Accepted(
            must_change=policy.error is Error.MUST_CHANGE,
            grace_left=policy.grace_left,
            expires_in=policy.expires_in,
        )
    if answer.code == 49:
        if policy.error is Error.EXPIRED:
            return Refused(reason="expired", told="expired")  # slapd says it for the right password alone
        if policy.error is Error.LOCKED:
            return Refused(reason="locked")  # slapd says it for any password
        if (code := _DATA.search(answer.text)) is not None:
            return _ACTIVE_DIRECTORY.get(code[1], Refused())
    reason = _REFUSALS.get(answer.code)
    return None if reason is None else Refused(reason=reason)


# Result codes of a change of password by which the server refuses this password or this person.
_NOT_TAKEN = {10, 16, 17, 19, 20, 21, 32, 49, 50, 53, 65}


def taken(answer: Answer) -> Changed | NotTaken | None:
    """What the answer to a change of password means; None: the server is in trouble."""
    if answer.code == 0:
        return Changed()
    error = policy_of(answer.control).error
    if error in _SENTENCES:
        return NotTaken(sentence=str(_SENTENCES[error]))
    return NotTaken(sentence=answer.text) if answer.code in _NOT_TAKEN else None
