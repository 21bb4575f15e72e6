"""The token endpoint: a code, or a refresh token, for tokens. Whatever is refused, the answer is one of the errors of RFC 6749, 5.2."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Session
from accounts.principal import Principal, principal_of_session
from accounts.sessions import end_sessions
from accounts.tokens import openid
from accounts.tokens.issue import refresh_token
from accounts.tokens.keys import active_key
from accounts.tokens.refresh import find_refresh_token, spend
from audit.events import Event
from audit.record import Origin, record
from core import entropy
from core.db import unit
from oidc.authorizing import CODE
from oidc.claims import claims_of, context_class, is_by_factor
from oidc.models import Client, ClientSession
from oidc.protocol import is_registered, proves

LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Why there are no tokens."""

    error: str
    description: str = ""


CODE_GONE = Failed(error="invalid_grant", description="The code does not hold.")
REFRESH_GONE = Failed(error="invalid_grant", description="The refresh token does not hold.")
SCOPE = Failed(error="invalid_scope", description="No more than was granted.")


def redeem(
    client: Client, *, code: str, redirect_uri: str, verifier: str, address: str, now: datetime
) -> dict[str, Any] | Failed:
    """Tokens for a code: once, in its time, for the client, address and verifier that it was made for.

    Tried a second time it ends what it has given (RFC 9700, 4.5): one of the two has stolen it. So does a wrong verifier or address.
    """
    fingerprints = entropy.fingerprints(code, purpose=CODE) if len(code) <= LONGEST else []
    row = (
        ClientSession.objects.filter(code__in=fingerprints, client=client)
        .select_related("session__user")
        .first()
    )
    if row is None:
        return CODE_GONE
    row.session.user.ask_ahead()
    with unit():
        fits = entropy.same(redirect_uri, row.redirect_uri) and proves(verifier, row.challenge)
        fits = fits and now < row.code_expires_at and _still_fits(row, client)
        # One statement decides who is first.
        if not fits or not ClientSession.objects.filter(pk=row.pk, used_at=None).update(used_at=now):
            reason = "code_reused" if fits or row.used_at is not None else "code_refused"
            _end(row.session, reason=reason, address=address, now=now)
            return CODE_GONE
        source = Session.objects.select_for_update().filter(client_sessions=row, ended_at=None).first()
        still = Session.objects.filter(pk=row.session_id, ended_at=None)
        if source is None or not source.is_live(now=now) or not row.session.user.may_sign_in:
            _end(row.session, reason="code_refused", address=address, now=now)
            return CODE_GONE
        if not still.update(expires_at=source.expires_at):
            return CODE_GONE
        row.session.expires_at = source.expires_at
        record(
            Event.CLIENT_SIGNED_IN,
            origin=Origin(actor=row.session.user, address=address),
            at=now,
            company_id=row.session.user.company_id,
            subject=client,
            scopes=row.scope,
            session=str(row.session.uid),
        )
        refresh = _refresh(row, now=now)
    return _tokens(client, row, scope=row.scope, refresh=refresh, nonce=row.nonce, now=now)


def _still_fits(row: ClientSession, client: Client) -> bool:
    """Whether the client may have what the code was made for: it may have been made stricter at the same moment."""
    proved = not client.needs_factor or is_by_factor(row.session.methods)
    return proved and is_registered(row.redirect_uri, client.redirect_uris)


def renew(
    client: Client, *, token: str, scope: list[str] | None, address: str, now: datetime
) -> dict[str, Any] | Failed:
    """Tokens for a refresh token, which works once; a second use ends the session."""
    found = find_refresh_token(token, purpose=openid.REFRESH)
    row = (
        ClientSession.objects.filter(session=found.session, client=client).first()
        if found is not None
        else None
    )
    if found is None or row is None:
        return REFRESH_GONE
    if scope is not None and not set(scope) <= set(row.scope):
        return SCOPE
    row.session = found.session
    found.session.user.ask_ahead()
    with unit():
        if not spend(found, address=address, now=now):
            return REFRESH_GONE
        refresh = _refresh(row, now=now)
    kept = row.scope if scope is None else [one for one in row.scope if one in scope]
    tokens = _tokens(client, row, scope=kept, refresh=refresh, nonce="", now=now)
    return REFRESH_GONE if isinstance(tokens, Failed) else tokens


def _refresh(row: ClientSession, *, now: datetime) -> str:
    if "offline_access" not in row.scope:
        return ""
    return refresh_token(row.session, purpose=openid.REFRESH, key=active_key(now=now), now=now)


def _end(session: Session, *, reason: str, address: str, now: datetime) -> None:
    if end_sessions([session], reason=reason, origin=Origin(address=address), now=now):
        record(
            Event.CODE_REFUSED,
            origin=Origin(address=address),
            at=now,
            company_id=session.user.company_id,
            subject=session,
            reason=reason,
            person=session.user.username,
        )


def _tokens(
    client: Client, row: ClientSession, *, scope: list[str], refresh: str, nonce: str, now: datetime
) -> dict[str, Any] | Failed:
    principal = principal_of_session(str(row.session.uid))
    if principal is None or not principal.is_live(now=now):
        return CODE_GONE
    scope = [one for one in scope if one in client.scopes]
    said = " ".join(scope)
    access, seconds = openid.access_token(row.session, client_id=client.client_id, scope=said, now=now)
    key = openid.signing_key(client.algorithm, now=now)
    claims = _id_claims(principal, row, scope=scope) | ({"nonce": nonce} if nonce else {})
    found: dict[str, Any] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": said,
        "id_token": openid.id_token(claims, client_id=client.client_id, access=access, key=key, now=now),
    }
    return found | ({"refresh_token": refresh} if refresh else {})


def _id_claims(principal: Principal, row: ClientSession, *, scope: list[str]) -> dict[str, Any]:
    methods = principal.session.methods
    return {
        **claims_of(principal, scope),
        "auth_time": int(row.auth_time.timestamp()),
        "acr": context_class(methods),
        "amr": list(methods),
        "sid": str(row.session.uid),
    }
