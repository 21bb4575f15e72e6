"""Tokens that integrations sign (JWT). Pure: text, keys and the time go in; what the token says, or why it does not hold, comes out.

Strict on purpose, beyond the RFCs (RFC 8725): whatever could be read in two ways is refused. The algorithm is the key's. No header names
or brings a key. JSON has each name once, times are whole numbers, the audience is one string.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from accounts.tokens import policy
from accounts.tokens.foreign_keys import EDDSA, ES256, RS256
from accounts.tokens.jose import decoded, strict_json
from core.contacts import is_email
from core.draft import line
from core.outcomes import Denied

LONGEST = 8_192  # characters
LONGEST_JTI = 200
MOST_BRACKETS = 300  # opening ones, in a header or a payload: bounds size and depth before anything is parsed
DEEPEST = 8
LEEWAY = timedelta(seconds=60)  # between their clock and ours
LONGEST_LIFE = timedelta(days=1)
# What the claim `role` may say, and which built-in role it means.
ROLES = {"agent": "Agent", "administrator": "Company Administrator"}
_TYPES = frozenset({"jwt", "application/jwt"})
# What would name or bring a key, ask for what we do not do, or hide another token inside (RFC 7515, 4.1; RFC 7797; RFC 7519, 5.2).
_REFUSED = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "zip", "enc", "b64", "cty"})
_LATEST = 253_402_300_799 - 86_400  # seconds; the last day but one of the calendar
_LARGEST = 2**53  # as far as every JSON reader agrees what a number is (RFC 8259, 6)
_CHECKS: Mapping[str, Any] = {
    RS256: RSAAlgorithm(RSAAlgorithm.SHA256),
    ES256: ECAlgorithm(ECAlgorithm.SHA256),
    EDDSA: OKPAlgorithm(),
}


@dataclass(frozen=True, kw_only=True)
class Flawed(Denied):
    """Why a token does not hold; `flaw` is the same in a word, for the audit trail."""

    flaw: str


def _flawed(flaw: str, message: str | Promise) -> Flawed:
    return Flawed(code="invalid_token", message=message, flaw=flaw)


MALFORMED = _flawed("malformed", _("This is no token that we can read."))
FORBIDDEN_HEADER = _flawed("header", _("The header of the token has something that is not taken."))
WRONG_ALGORITHM = _flawed("algorithm", _("The token is not signed with the algorithm of its key."))
UNKNOWN_KEY = _flawed("key", _("The token is signed by a key that we do not know."))
BAD_SIGNATURE = _flawed("signature", _("The signature of the token does not hold."))
WRONG_ISSUER = _flawed("iss", _("`iss` has to be the licence key of an integration."))
WRONG_AUDIENCE = _flawed("aud", _("`aud` has to be the address of this portal, as one string."))
BAD_TIMES = _flawed("times", _("`iat` and `exp` have to be whole numbers of seconds, and `exp` after `iat`."))
TOO_EARLY = _flawed(
    "early", _("The token says that it was signed in the future. Look at the clock of whoever signs.")
)
TOO_LONG = _flawed("lifetime", _("The token lives longer than the integration allows."))
BAD_SUBJECT = _flawed("sub", _("`sub` has to be an e-mail address."))
BAD_NAME = _flawed("displayName", _("`displayName` has to be one line of at most 120 characters."))
BAD_ROLE = _flawed("role", _("`role` has to be `agent`, `administrator` or null."))
BAD_POLICY = _flawed("policy", _("`policy` is not understood, so it opens nothing."))
BAD_ID = _flawed("jti", _("`jti` has to be a string of 1 to 200 characters."))
ID_NEEDED = _flawed("jti", _("A token that signs in to a page needs a `jti`, by which it works once."))
EXPIRED_ASSERTION = _flawed(
    "expired", "jwt expired"
)  # read literally by the published agent SDK (sources 4.4)


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """A key that a token may be signed with; `key` is the object to check with, made once."""

    kid: str
    algorithm: str
    key: Any


@dataclass(frozen=True, kw_only=True)
class Unverified:
    """A token taken apart. Nothing of it is true yet; `issuer` says whose keys can tell."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """The licence key that it names; empty when it names none."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What a token says whose signature, issuer, audience and times hold."""

    kid: str  # of the key that signed it
    email: str
    display_name: str  # empty where it says none
    grant: Mapping[str, Any]  # `role` and `policy`, each only where the token has it (`accounts.grants`)
    jti: str  # empty where it has none
    issued_at: datetime
    until: datetime  # it holds before this moment, leeway included
    signed: (
        str  # fingerprint of what was signed; whoever only changes the signature makes no other token of it
    )


def unverified(token: str) -> Unverified | Flawed:
    """The parts of a token, or why they cannot be read."""
    if len(token) > LONGEST or not token.isascii() or token.count(".") != 2:
        return MALFORMED
    head, body, tail = token.split(".")
    try:
        header, claims, signature = _object(head), _object(body), decoded(tail)
    except (ValueError, RecursionError):
        return MALFORMED
    if not signature:
        return MALFORMED
    return Unverified(header=header, claims=claims, signed=f"{head}.{body}".encode(), signature=signature)


def read_assertion(
    token: str | Unverified,
    *,
    issuer: str,
    keys: Sequence[Trusted],
    audiences: Collection[str],
    longest: timedelta,
    now: datetime,
) -> Assertion | Flawed:
    """What the token says, if one of these keys signed it for one of these audiences, and it is in its time."""
    parts = unverified(token) if isinstance(token, str) else token
    if isinstance(parts, Flawed):
        return parts
    if parts.header.keys() & _REFUSED or not _is_jwt(parts.header.get("typ", "JWT")):
        return FORBIDDEN_HEADER
    signed_by = _signer(parts, keys)
    if isinstance(signed_by, Flawed):
        return signed_by
    # Only what was signed is looked at: to anybody else the answer says nothing about the rest.
    return _said(
        parts, signed_by, issuer=issuer, audiences=audiences, longest=min(longest, LONGEST_LIFE), now=now
    )


# --- the signature -------------------------------------------------------------------------------------------------------


def _signer(parts: Unverified, keys: Sequence[Trusted]) -> Trusted | Flawed:
    algorithm, kid = parts.header.get("alg"), parts.header.get("kid")
    if "kid" in parts.header:
        keys = [one for one in keys if one.kid == kid]
        if not keys:
            return UNKNOWN_KEY
    fitting = [one for one in keys if algorithm == one.algorithm or (algorithm, one.algorithm) == _BY_CURVE]
    if not fitting:
        return WRONG_ALGORITHM if keys else UNKNOWN_KEY
    for one in fitting:
        if _CHECKS[one.algorithm].verify(parts.signed, one.key, parts.signature):
            return one
    return BAD_SIGNATURE


_BY_CURVE = ("Ed25519", EDDSA)  # RFC 9864 gives the one algorithm that EdDSA means here a name of its own


# --- the claims ----------------------------------------------------------------------------------------------------------


def _said(
    parts: Unverified,
    signed_by: Trusted,
    *,
    issuer: str,
    audiences: Collection[str],
    longest: timedelta,
    now: datetime,
) -> Assertion | Flawed:
    claims = parts.claims
    if claims.get("iss") != issuer:
        return WRONG_ISSUER
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in audiences:
        return WRONG_AUDIENCE
    email, jti, name = claims.get("sub"), claims.get("jti", ""), _name(claims.get("displayName", ""))
    if not isinstance(email, str) or not is_email(email):
        return BAD_SUBJECT
    if name is None:
        return BAD_NAME
    if not isinstance(jti, str) or len(jti) > LONGEST_JTI or ("jti" in claims and not jti):
        return BAD_ID
    grant = _grant(claims)
    if isinstance(grant, Flawed):
        return grant
    times = _times(claims, longest=longest, now=now)
    if isinstance(times, Flawed):
        return times
    issued_at, until = times
    return Assertion(
        kid=signed_by.kid,
        email=email,
        display_name=name,
        grant=grant,
        jti=jti,
        issued_at=issued_at,
        until=until,
        signed=hashlib.sha256(parts.signed).hexdigest(),
    )


def _name(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    name = line(value, field="displayName", longest=120, empty=True)
    return None if isinstance(name, Denied) else name


def _grant(claims: Mapping[str, Any]) -> Mapping[str, Any] | Flawed:
    grant = {name: claims[name] for name in ("role", "policy") if name in claims}
    role = grant.get("role")
    if role is not None and not (isinstance(role, str) and role in ROLES):
        return BAD_ROLE
    if "policy" in grant and policy.parse(grant["policy"], with_role=role is not None) is None:
        return BAD_POLICY
    return grant


def _times(
    claims: Mapping[str, Any], *, longest: timedelta, now: datetime
) -> tuple[datetime, datetime] | Flawed:
    """From when and until when it holds, leeway included."""
    issued_at, expires_at = _moment(claims.get("iat")), _moment(claims.get("exp"))
    not_before = _moment(claims["nbf"]) if "nbf" in claims else issued_at
    if issued_at is None or expires_at is None or not_before is None or expires_at <= issued_at:
        return BAD_TIMES
    if max(issued_at, not_before) > now + LEEWAY:
        return TOO_EARLY
    if expires_at - issued_at > longest:
        return TOO_LONG
    until = expires_at + LEEWAY
    return (issued_at, until) if now < until else EXPIRED_ASSERTION


def _moment(value: object) -> datetime | None:
    # A bool is an int in Python, and 1.0 is one in JavaScript; in a token, neither is a time.
    if type(value) is not int or not 0 <= value <= _LATEST:
        return None
    return datetime.fromtimestamp(value, tz=UTC)


# --- the parts -----------------------------------------------------------------------------------------------------------


def _is_jwt(kind: object) -> bool:
    return isinstance(kind, str) and kind.lower() in _TYPES


def _object(text: str) -> Mapping[str, Any]:
    raw = decoded(text)
    if raw.count(b"{") + raw.count(b"[") > MOST_BRACKETS:
        raise ValueError("too many parts")
    read = strict_json(raw.decode())
    if not isinstance(read, dict) or not _is_sound(read, depth=DEEPEST):
        raise ValueError("no sound object")
    return read


def _is_sound(value: Any, *, depth: int) -> bool:
    """Whether it is not too deep, and every text and number in it is one that databases take and all readers read alike."""
    if isinstance(value, dict):
        return depth > 0 and all(_is_sound(one, depth=depth - 1) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return depth > 0 and all(_is_sound(one, depth=depth - 1) for one in value)
    if isinstance(value, str):
        # Half of a surrogate pair is no text, and PostgreSQL keeps no NUL.
        return "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)
    return not isinstance(value, int | float) or -_LARGEST <= value <= _LARGEST
