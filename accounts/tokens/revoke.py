"""Revocation (RFC 7009) and introspection (RFC 7662) of our own tokens and API keys."""

from datetime import datetime
from typing import Any

from accounts.api_keys import end_key
from accounts.bearer import session_of_assertion
from accounts.grants import scopes_given
from accounts.models import Session
from accounts.principal import Principal, principal_of_session
from accounts.sessions import end_sessions
from accounts.tokens.api_keys import find_api_key, is_api_key, principal_of_key
from accounts.tokens.issue import acting
from accounts.tokens.refresh import find_refresh_token
from accounts.tokens.signed import ACCESS, issuer
from accounts.tokens.verify import principal_of_access, read_access_token
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from tenants.models import Kind
from tenants.rights import INTROSPECT, Everywhere

INACTIVE = {"active": False}


def _session_of(token: str, *, address: str, now: datetime) -> Session | None:
    access = read_access_token(token)
    if access is not None:
        return Session.objects.select_related("user").filter(uid=access.sid, user__uid=access.sub).first()
    row = find_refresh_token(token)
    return row.session if row is not None else session_of_assertion(token, address=address, now=now)


def revoke(token: str, *, address: str, now: datetime) -> None:
    """End the session of this token and all its tokens, or an API key; nothing happens for a text that is neither."""
    if (key := find_api_key(token)) is not None:
        # Whoever found it somewhere may send it here; who that is, nobody knows.
        end_key(key, origin=Origin(address=address), now=now)
        return
    session = _session_of(token, address=address, now=now)
    if session is None:
        return
    origin = Origin(actor=session.user, address=address, impersonator=session.impersonator)
    with unit():
        if end_sessions([session], reason="revoked", origin=origin, now=now):
            record(
                Event.TOKEN_REVOKED,
                origin=origin,
                at=now,
                company_id=session.user.company_id,
                subject=session,
            )


def _may_ask(asker: Principal, about: Principal) -> bool:
    """Whether somebody may know of a token: of his own session, or by privilege where he may see sessions."""
    if asker.session.pk == about.session.pk:
        return True
    if not asker.rights.has(INTROSPECT):
        return False
    companies = asker.rights.sees(Kind.SESSION)
    return isinstance(companies, Everywhere) or about.user.company_id in companies


def introspect(token: str, *, asker: Principal, address: str, now: datetime) -> dict[str, Any]:
    """What the token says, or `{"active": false}` for whatever does not hold or is none of the asker's business (RFC 7662, 2.2)."""
    if is_api_key(token):
        return _of_api_key(token, asker=asker, now=now)
    access = read_access_token(token)
    if access is not None:
        principal = principal_of_access(access, now=now)
        times = {"iat": int(access.issued_at.timestamp()), "exp": int(access.expires_at.timestamp())}
        kind, named = "Bearer", {"jti": access.jti, "aud": ACCESS.audience}
    else:
        row = find_refresh_token(token)
        if row is None:
            return _of_assertion(token, asker=asker, address=address, now=now)
        if row.used_at is not None:
            return INACTIVE
        principal = principal_of_session(str(row.session.uid))
        times = {"iat": int(row.issued_at.timestamp()), "exp": int(row.session.expires_at.timestamp())}
        kind, named = "refresh_token", {}
    if principal is None or not principal.is_live(now=now) or principal.session.locked_at is not None:
        return INACTIVE
    if not _may_ask(asker, principal):
        return INACTIVE
    return _told(principal, kind=kind) | times | named


def _told(principal: Principal, *, kind: str) -> dict[str, Any]:
    return {
        "active": True,
        "token_type": kind,
        "iss": issuer(),
        "sub": str(principal.user.uid),
        "username": principal.user.username,
        "sid": str(principal.session.uid),
        **acting(principal.session),
    }


def _of_assertion(token: str, *, asker: Principal, address: str, now: datetime) -> dict[str, Any]:
    """Of a token that an integration signed and that has been used here."""
    session = session_of_assertion(token, address=address, now=now)
    principal = principal_of_session(str(session.uid)) if session is not None else None
    if session is None or principal is None or not principal.is_live(now=now):
        return INACTIVE
    if session.integration is None or not _may_ask(asker, principal):
        return INACTIVE
    return _told(principal, kind="Bearer") | {
        "iss": session.integration.licence_key,
        "iat": int(session.created_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
    }


def _of_api_key(secret: str, *, asker: Principal, now: datetime) -> dict[str, Any]:
    principal = principal_of_key(secret, now=now)
    if principal is None or not _may_ask(asker, principal):
        return INACTIVE
    session = principal.session
    return _told(principal, kind="api_key") | {
        "iat": int(session.created_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
        "scope": " ".join(sorted(scopes_given((session.grant or {}).get("scopes", ())))),
    }
