"""The end of sessions at clients: with the sign-in that they came from, and told to the client (OpenID Connect Back-Channel Logout 1.0).

That a client has to be told is written in the unit in which its session ends, so no crash loses it; the worker calls, and tries again.
"""

import random
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import end_sessions
from accounts.tokens.openid import logout_token, signing_key
from audit.events import Event
from audit.record import Origin, record
from core import outbound
from core.db import after_commit, unit
from core.deadline import Deadline
from core.exchange import Answer
from delivery.backoff import pause
from delivery.wake import for_task
from oidc.models import Client, ClientSession
from oidc.protocol import is_registered

PATIENCE_SECONDS = 3.0
MOST_BYTES = 10_000
GIVEN_UP_AFTER = timedelta(hours=2)
BATCH = 50
RUN_SECONDS = 10.0  # less than the time from one run to the next, so that clients that hang never hold up two of the worker's hands
TELL = "oidc.tell-clients"
_tell_soon = for_task(TELL)


def followers_of(ended: list[Session]) -> Iterable[Session]:
    """Inside a unit: the sessions at clients that end with these."""
    return Session.objects.filter(client_session__source__in=ended, ended_at=None).select_related("user")


def note_ended(ended: list[Session]) -> None:
    """Inside a unit: which clients have to be told."""
    rows = ClientSession.objects.filter(session__in=ended, used_at__isnull=False).exclude(
        client__backchannel_uri=""
    )
    if rows.update(logout_due_at=timezone.now()):
        after_commit(_tell_soon)


def sessions_at(client: Client, *, now: datetime, user: User | None = None) -> list[Session]:
    """The sessions at this client that hold, everybody's or one person's."""
    rows = Session.objects.filter(Session.live(now=now), client_session__client=client)
    return list((rows if user is None else rows.filter(user=user.pk)).select_related("user"))


def end_all_of(client: Client, *, reason: str, origin: Origin, now: datetime) -> int:
    """Inside a unit: end every session at this client; the number of them."""
    return end_sessions(sessions_at(client, now=now), reason=reason, origin=origin, now=now)


def leave(session: uuid.UUID, *, address: str) -> int | None:
    """End this session at a client, as the client wishes that shows an ID token of it; the number of the sign-in that it came from."""
    row = ClientSession.objects.filter(session__uid=session).select_related("session__user").first()
    if row is None:
        return None
    with unit():
        end_sessions(
            [row.session],
            reason="signed_out",
            origin=Origin(actor=row.session.user, address=address),
            now=timezone.now(),
        )
    return row.source_id


def may_go_on_to(client: Client | None, uri: str) -> bool:
    """Whether a browser may go on to this address after it was signed out for this client."""
    return client is not None and is_registered(uri, client.logout_uris)


def tell_clients(*, now: datetime) -> int:
    """Call clients that have to be told of an end, for some seconds; how many were reached. One that fails is left alone for a while."""
    run, reached, silent = Deadline.after(RUN_SECONDS), 0, set[int]()
    due = ClientSession.objects.filter(logout_due_at__lte=now).select_related("client", "session__user")
    for row in due.order_by("logout_due_at")[:BATCH]:
        if run.left <= 0:
            break
        if row.client_id in silent:
            continue
        if _tell(row, now=now + timedelta(seconds=RUN_SECONDS - run.left)):
            reached += 1
        else:
            silent.add(row.client_id)
    return reached


def _tell(row: ClientSession, *, now: datetime) -> bool:
    client, session = row.client, row.session
    # Taken first, so that two workers do not both call; who dies meanwhile leaves it due again.
    until = now + pause(row.logout_tries + 1, jitter=random.random())  # noqa: S311
    mine = ClientSession.objects.filter(pk=row.pk, logout_due_at=row.logout_due_at)
    if not mine.update(logout_due_at=until, logout_tries=row.logout_tries + 1):
        return False
    token = logout_token(
        session=session.uid,
        person=session.user.uid,
        client_id=client.client_id,
        key=signing_key(client.algorithm, now=now),
        now=now,
    )
    answer = outbound.post(
        client.backchannel_uri,
        urlencode({"logout_token": token}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        deadline=Deadline.after(PATIENCE_SECONDS),
        most=MOST_BYTES,
    )
    trouble = _trouble_of(answer)
    kept = ClientSession.objects.filter(pk=row.pk, logout_due_at=until)
    if trouble:
        kept.update(logout_trouble=trouble)
        _put_off(row, trouble, until=until, now=now)
    else:
        kept.update(logout_trouble="", logout_due_at=None)
        _note(Event.CLIENT_TOLD, row, now=now, session=str(session.uid))
    return not trouble


def _trouble_of(answer: outbound.Silence | Answer) -> str:
    if isinstance(answer, outbound.Silence):
        return str(answer.why)
    return "" if answer.status in {200, 204} else f"HTTP {answer.status}"


def _put_off(row: ClientSession, trouble: str, *, until: datetime, now: datetime) -> None:
    """Whatever else this client has to be told waits as well, and what it has not taken for hours is given up."""
    waiting = ClientSession.objects.filter(client=row.client_id, logout_due_at__isnull=False)
    over = waiting.filter(session__ended_at__lt=now - GIVEN_UP_AFTER)
    if given_up := over.update(logout_due_at=None, logout_trouble=trouble):
        _note(Event.CLIENT_UNTOLD, row, now=now, trouble=trouble, sessions=given_up)
    waiting.filter(logout_due_at__lt=until).update(logout_due_at=until)


def _note(event: Event, row: ClientSession, *, now: datetime, **details: str | int) -> None:
    with unit():
        record(
            event,
            origin=Origin(),
            at=now,
            company_id=row.session.user.company_id,
            subject=row.client,
            **details,
        )
