"""Revocation (RFC 7009) and introspection (RFC 7662) of our own tokens and API keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.api_keys import end_key
from accounts.bearer import session_of_assertion
from accounts.grants import scopes_given
from accounts.models import Session
from accounts.principal import Principal, principal_of_session
from accounts.sessions import end_sessions
from accounts.tokens import openid
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
    if (lent := openid.read_access(token)) is not None:
        return Session.objects.select_related("user").filter(uid=lent.session, user__uid=lent.person).first()
    row = find_refresh_token(token) or find_refresh_token(token, purpose=openid.REFRESH)
    return row.session if row is not None else session_of_assertion(token, address=address, now=now)


def revoke(token: str, *, asker: "ClientAsker | None" = None, address: str, now: datetime) -> None:
    """End the session of this token and all its tokens, or an API key; nothing happens for a text that is neither, or not the client's."""
    if asker is None and (key := find_api_key(token)) is not None:
        # Whoever found it somewhere may send it here; who that is, nobody knows.
        end_key(key, origin=Origin(address=address), now=now)
        return
    session = _session_of(token, address=address, now=now)
    if session is None or (asker is not None and not asker.has(session)):
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


@dataclass(frozen=True, kw_only=True)
class ClientAsker:
    """An application that has said who it is: it asks about what was given to itself."""

    client_id: str

    def has(self, session: Session) -> bool:
        """Whether this session is at this application."""
        return (session.grant or {}).get("client") == self.client_id

    def may_name(self, session: Session) -> bool:
        """Whether it may know how the person signs in."""
        return "profile" in (session.grant or {}).get("scope", ())


def _may_ask(asker: Principal | ClientAsker, about: Principal) -> bool:
    """Whether somebody may know of a token: of his own session, or by privilege where he may see sessions; an application of its own."""
    if isinstance(asker, ClientAsker):
        return asker.has(about.session)
    if asker.session.pk == about.session.pk:
        return True
    if not asker.rights.has(INTROSPECT):
        return False
    companies = asker.rights.sees(Kind.SESSION)
    return isinstance(companies, Everywhere) or about.user.company_id in companies


def introspect(token: str, *, asker: Principal | ClientAsker, address: str, now: datetime) -> dict[str, Any]:
    """What the token says, or `{"active": false}` for whatever does not hold or is none of the asker's business (RFC 7662, 2.2)."""
    if is_api_key(token):
        return _of_api_key(token, asker=asker, now=now)
    access = read_access_token(token)
    if access is not None:
        principal = principal_of_access(access, now=now)
        times = {"iat": int(access.issued_at.timestamp()), "exp": int(access.expires_at.timestamp())}
        kind, named = "Bearer", {"jti": access.jti, "aud": ACCESS.audience}
    elif (lent := openid.read_access(token)) is not None:
        principal = openid.principal_of(lent, now=now)
        times = {"iat": int(lent.issued_at.timestamp()), "exp": int(lent.expires_at.timestamp())}
        named = {"jti": lent.jti, "aud": openid.USERINFO.audience, "client_id": lent.client_id}
        kind, named["scope"] = "Bearer", " ".join(sorted(lent.scope))
    else:
        row = find_refresh_token(token) or find_refresh_token(token, purpose=openid.REFRESH)
        if row is None:
            return _of_assertion(token, asker=asker, address=address, now=now)
        if row.used_at is not None:
            return INACTIVE
        principal = principal_of_session(str(row.session.uid))
        times = {"iat": int(row.issued_at.timestamp()), "exp": int(row.session.expires_at.timestamp())}
        lent_to = row.session.grant or {}
        kind, named = "refresh_token", {"client_id": lent_to["client"]} if "client" in lent_to else {}
    if principal is None or not principal.is_live(now=now) or principal.session.locked_at is not None:
        return INACTIVE
    if not _may_ask(asker, principal):
        return INACTIVE
    told = _told(principal, kind=kind) | times | named
    if isinstance(asker, ClientAsker) and not asker.may_name(principal.session):
        del told["username"]
    return told


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


def _of_assertion(
    token: str, *, asker: Principal | ClientAsker, address: str, now: datetime
) -> dict[str, Any]:
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


def _of_api_key(secret: str, *, asker: Principal | ClientAsker, now: datetime) -> dict[str, Any]:
    principal = principal_of_key(secret, now=now)
    if principal is None or not _may_ask(asker, principal):
        return INACTIVE
    session = principal.session
    return _told(principal, kind="api_key") | {
        "iat": int(session.created_at.timestamp()),
        "exp": int(session.expires_at.timestamp()),
        "scope": " ".join(sorted(scopes_given((session.grant or {}).get("scopes", ())))),
    }
