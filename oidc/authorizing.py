"""A browser that comes with a request of a client: how it stands, and the code that it goes back with."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from accounts.models import SessionKind, User
from accounts.principal import Principal
from accounts.sessions import Client as Program
from accounts.sessions import Lent, start_session
from accounts.tokens.openid import read_hint
from audit.events import Event
from audit.record import Origin, record
from core import entropy
from core.db import unit
from core.prepared import Select, Slot
from oidc.claims import is_by_factor
from oidc.decision import Next, Standing, decide
from oidc.models import Client, ClientSession, Consent
from oidc.protocol import HINT, Asked, Refused, Unsafe, read
from twofactor.services.outcome import may_turn_one_on

CODE = "code"
CODE_LIFE = timedelta(seconds=60)
SINCE_LIFE = timedelta(hours=1)
_BY_ID = Select(lambda: Client.objects.select_related("company").filter(client_id=Slot("client_id")))


def client_named(client_id: str) -> Client | None:
    """The client of this id, if it is switched on and so is its company."""
    if not client_id or len(client_id) > 40 or not client_id.isascii() or not client_id.isprintable():
        return None
    found = _BY_ID.first(client_id=client_id)
    is_on = found is not None and found.is_active and (found.company is None or found.company.is_active)
    return found if is_on else None


def request_of(query: str) -> tuple[Client, Asked | Refused] | Unsafe:
    """The client and what it asks for."""
    named = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "client_id"]
    client = client_named(named[0]) if len(named) == 1 else None
    if client is None:
        return Unsafe(why="unknown_client")
    asked = read(query, client)
    return asked if isinstance(asked, Unsafe) else (client, asked)


def shortened(query: str) -> str:
    """The query with a hint as short as what it says, so that it fits into the way back from a sign-in."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(name, _said_by(value) if name == HINT else value) for name, value in pairs])


def mark_of(query: str, *, now: datetime) -> str:
    """That this browser came with this query now, for it to keep until it comes back; only we can write it."""
    at = f"{now.timestamp():.6f}"
    return f"{at}.{_mark(at, query)}"


def since_of(mark: str, query: str, *, now: datetime) -> datetime | None:
    """When the browser first came with this query; None where this is not our mark of it, or too old."""
    at, _dot, mac = mark.rpartition(".")
    if not at or not entropy.same(mac, _mark(at, query)):
        return None
    since = datetime.fromtimestamp(float(at), tz=UTC)
    return since if now - since < SINCE_LIFE else None


def _said_by(hint: str) -> str:
    person = _hinted(hint)
    return str(person) if person is not None else "nobody"


def _hinted(hint: str) -> uuid.UUID | None:
    """Whom a hint names: an ID token of before, or what we have made of one. It opens nothing, so nobody has to have signed it."""
    try:
        return uuid.UUID(hint)
    except ValueError:
        told = read_hint(hint)
        return told.person if told is not None else None


def _mark(at: str, query: str) -> str:
    return entropy.fingerprint(f"{at}\n{query}", purpose="openid-since")


def next_for(
    client: Client,
    asked: Asked,
    principal: Principal | None,
    *,
    locked: bool,
    since: datetime | None,
    now: datetime,
) -> Next | Refused:
    """What has to happen before this browser goes back to the client."""
    return decide(asked, _standing(client, asked, principal, locked=locked, since=since), now=now)


def _standing(
    client: Client, asked: Asked, principal: Principal | None, *, locked: bool, since: datetime | None
) -> Standing:
    if principal is None:
        return Standing(signed_in=False)
    user, session = principal.user, principal.session
    by_factor = is_by_factor(session.methods)
    return Standing(
        signed_in=True,
        # What an integration vouches for has bounds of its own, which a session at a client would not have.
        is_lent=principal.behind is not None or principal.is_bounded or session.integration_id is not None,
        belongs=client.company_id is None or client.company_id == user.company_id,
        locked=locked,
        confirmed_at=session.confirmed_at,
        by_factor=by_factor,
        hinted=not asked.hint or _hinted(asked.hint) == user.uid,
        asks_consent=client.asks_consent,
        consented=client.asks_consent and set(asked.scope) <= granted(client, user),
        needs_factor=client.needs_factor,
        may_set_up=client.needs_factor and not by_factor and may_turn_one_on(user),
        since=since,
    )


def granted(client: Client, user: User) -> set[str]:
    """The scopes that this person has let the client know."""
    found = Consent.objects.filter(client=client, user=user.pk).values_list("scopes", flat=True).first()
    return set(found or ())


def agree(client: Client, user: User, scope: Collection[str], *, origin: Origin, now: datetime) -> None:
    """The person lets the client know this, from now on."""
    with unit():
        scopes = sorted(granted(client, user) | set(scope))
        Consent.objects.update_or_create(client=client, user=user, defaults={"scopes": scopes, "at": now})
        record(
            Event.CONSENT_GIVEN,
            origin=origin,
            at=now,
            company_id=user.company_id,
            subject=client,
            scopes=scopes,
        )


def issue_code(
    client: Client, asked: Asked, principal: Principal, *, program: Program, now: datetime
) -> str | None:
    """The code with which the browser goes back: the beginning of a session at the client. None when the account is not what it was."""
    source, user = principal.session, principal.user
    code = entropy.token(CODE)
    until = now + CODE_LIFE
    grant = {"client": client.client_id, "name": client.name, "scope": list(asked.scope)}
    with unit():
        started = start_session(
            user,
            kind=SessionKind.OPENID,
            methods=list(source.methods),
            client=program,
            browser=None,
            lent=Lent(grant=grant, until=until),
            now=now,
        )
        if started is None:
            return None
        ClientSession.objects.create(
            session=started[0],
            client=client,
            source=source,
            code=entropy.fingerprint(code, purpose=CODE),
            code_expires_at=until,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            nonce=asked.nonce,
            scope=list(asked.scope),
            auth_time=source.confirmed_at,
        )
    return code
