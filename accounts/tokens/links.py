"""The tokens in mailed links: scoped, of minutes or of an invitation, and signed when the mail is sent, so that they stand in the mail
and nowhere else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.tokens.keys import active_key, key_named
from accounts.tokens.signed import JOIN, LINK, Use, read, signed
from core import entropy
from delivery.derived import Derived

JOINING = "join"  # the purpose of an invitation, whose token is of a use of its own
LEEWAY = 5  # seconds between the clocks of two nodes


def described(*, scope: str, id: UUID, digits: int, issued_at: datetime, expires_at: datetime) -> Derived:
    """The token as the outbox keeps it until the mail is sent; signed by the key that is active now, whenever that is."""
    claims = {
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "kid": active_key(now=issued_at).kid,
    }
    return Derived(kind="link", purpose=scope, id=str(id), digits=digits, claims=claims)


def join_described(
    claims: Mapping[str, str], *, id: UUID, kid: str, issued_at: datetime, expires_at: datetime
) -> Derived:
    """The token of an invitation with these claims, in the same form; signed by the key of this name for as long as there is one."""
    times = {"iat": int(issued_at.timestamp()), "exp": int(expires_at.timestamp()), "kid": kid}
    return Derived(kind="link", purpose=JOINING, id=str(id), claims={"says": dict(claims), **times})


def lasting(*, scope: str, id: UUID) -> Derived:
    """The token of a link that may outlive the keys that sign: the id with a secret derived from it. Its time is the row's own."""
    return Derived(kind="link", purpose=scope, id=str(id))


def sign_described(link: Derived) -> str:
    """The token itself."""
    if not link.claims:
        return f"{UUID(link.id).hex}_{entropy.derived_secret(purpose=link.purpose, id=link.id)}"
    joining = link.purpose == JOINING
    return signed(
        link.claims["says"] if joining else {"scope": link.purpose},
        use=JOIN if joining else LINK,
        jti=link.id,
        issued_at=datetime.fromtimestamp(link.claims["iat"], tz=UTC),
        expires_at=datetime.fromtimestamp(link.claims["exp"], tz=UTC),
        key=key_named(link.claims["kid"]),
    )


def read_link(token: str, *, scope: str, now: datetime) -> UUID | None:
    """The sign-in that the token of a link with this scope belongs to, in its time; None for anything else."""
    found = _in_time(token, use=LINK, now=now)
    return found[0] if found is not None and found[1]["scope"] == scope else None


def read_lasting(token: str, *, scope: str) -> UUID | None:
    """The row that the token of a lasting link with this scope belongs to; None for anything else."""
    name, _, secret = token.partition("_")
    try:
        id = UUID(hex=name)
    except ValueError:
        return None
    return id if entropy.is_derived_secret(secret, purpose=scope, id=str(id)) else None


def read_join(token: str, *, now: datetime) -> tuple[UUID, Mapping[str, Any]] | None:
    """The id of an invitation and what its token says, in its time, to be compared with the row; None for anything else."""
    return _in_time(token, use=JOIN, now=now)


def _in_time(token: str, *, use: Use, now: datetime) -> tuple[UUID, Mapping[str, Any]] | None:
    claims = read(token, use=use)
    if claims is None or not claims["iat"] - LEEWAY <= now.timestamp() < claims["exp"]:
        return None
    try:
        return UUID(claims["jti"]), claims
    except (ValueError, AttributeError, TypeError):
        return None
