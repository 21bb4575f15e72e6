"""Sending what is due: lease a few rows, hand each over, write down what became of it.

No transaction is open while a server is talked to. A worker that dies leaves a lease that runs out; the row is then taken up
again and the message says the same. The number of tries is the ticket of a lease: only who holds the newest writes the outcome.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from core.db import unit
from delivery.arrivals import note_failed
from delivery.backoff import pause
from delivery.gateways import Deferred, Gateway, Refused, Result, Sent
from delivery.gateways.file import FileGateway
from delivery.gateways.smtp import SmtpGateway, server_of
from delivery.gateways.twilio import TwilioGateway, account
from delivery.models import UNDER_WAY, Delivery, Kind, State
from delivery.render import parcel_of

logger = logging.getLogger(__name__)

BATCH = 10
# A message may take 10 s for each of the few lines of SMTP, and the task is ended after 55 s: the lease is longer than both.
LEASE = timedelta(seconds=60)
# After this long no further message of the batch is begun; the rest goes back at once.
BATCH_SECONDS = 15.0
DRAIN_SECONDS = 30.0
EXPIRED_AT_ONCE = 200
KEEP = timedelta(days=30)

OpenGateway = Callable[[Kind], Gateway]


def open_gateway(kind: Kind) -> Gateway:
    """The way out for this kind of message, as the installation is set up."""
    if kind == Kind.EMAIL and settings.EMAIL_URL:
        return SmtpGateway(server_of(settings.EMAIL_URL))
    if kind == Kind.SMS and (twilio := account()) is not None:
        return TwilioGateway(twilio)
    suffix = ".eml" if kind == Kind.EMAIL else ".sms"
    return FileGateway(Path(settings.DATA_DIR) / "outbox", suffix=suffix)


def drain(*, clock: Callable[[], datetime] = timezone.now, gateway: OpenGateway = open_gateway) -> int:
    """Send what is due now; the number of messages taken up. Safe to run any number of times at once.

    Where both kinds are due, text messages go out in a thread of their own, so that neither kind waits for the other.
    """
    close_expired(now=clock())
    due = [kind for kind in Kind if _due(kind, now=clock()).exists()]
    if len(due) < 2:
        return sum(_drain(kind, clock=clock, gateway=gateway) for kind in due)
    taken: list[int] = []
    texts = threading.Thread(target=_drain_texts, args=(taken, clock, gateway), daemon=True)
    texts.start()
    try:
        taken.append(_drain(Kind.EMAIL, clock=clock, gateway=gateway))
    finally:
        texts.join()
    return sum(taken)


def _drain_texts(taken: list[int], clock: Callable[[], datetime], gateway: OpenGateway) -> None:
    try:
        taken.append(_drain(Kind.SMS, clock=clock, gateway=gateway))
    except Exception:
        logger.exception("text messages could not be sent")
    finally:
        connections.close_all()


def _drain(kind: Kind, *, clock: Callable[[], datetime], gateway: OpenGateway) -> int:
    taken, began = 0, time.monotonic()
    while time.monotonic() - began < DRAIN_SECONDS and (batch := lease(kind, now=clock())):
        taken += len(batch)
        _send_all(batch, kind=kind, gateway=gateway, clock=clock)
    return taken


def _due(kind: Kind, *, now: datetime) -> QuerySet[Delivery]:
    return _under_way(now).filter(kind=kind, expires_at__gt=now)


def lease(kind: Kind = Kind.EMAIL, *, now: datetime) -> list[Delivery]:
    """Take up to ten due rows of one kind in hand; nobody else gets them before the lease runs out."""
    due = _due(kind, now=now)
    if not due.exists():  # keeps an idle installation from taking SQLite's write lock every few seconds
        return []
    with unit():
        rows = list(due.select_for_update(skip_locked=True).order_by("next_try_at")[:BATCH])
        for row in rows:
            row.state, row.next_try_at, row.attempts = State.LEASED, now + LEASE, row.attempts + 1
        Delivery.objects.bulk_update(rows, ["state", "next_try_at", "attempts"])
    return rows


def close_expired(*, now: datetime) -> None:
    """Close what was not sent in its time."""
    late = _under_way(now).filter(expires_at__lte=now)
    if not late.exists():
        return
    with unit():
        for row in late.select_for_update(skip_locked=True).order_by("next_try_at")[:EXPIRED_AT_ONCE]:
            _close(row, State.EXPIRED, row.error or "It could not be sent in its time.", now=now)


def settle(row: Delivery, result: Result, *, now: datetime) -> None:
    """Write down what became of a leased row, unless another worker has taken it over."""
    mine = Delivery.objects.filter(pk=row.pk, attempts=row.attempts)
    match result:
        case Sent(provider_id):
            # The provider may have called with the end of it before we got here.
            first = mine.exclude(provider_id=provider_id) if provider_id else mine
            # Also over "cancelled": it did go out, and that is what the record shall say.
            first.update(state=State.SENT, sent_at=now, error="", provider_id=provider_id)
        case Deferred(reason, after):
            logger.warning("delivery %s is put off: %s", row.uid, reason)
            wait = pause(row.attempts, jitter=random.random())  # noqa: S311  (spreads load, guards nothing)
            again = now + max(wait, timedelta(seconds=after))
            mine.filter(state=State.LEASED).update(state=State.QUEUED, next_try_at=again, error=reason[:300])
        case Refused(reason):
            with unit():
                if mine.select_for_update().filter(state=State.LEASED).exists():
                    _close(row, State.FAILED, reason, now=now)


def prune(*, now: datetime) -> int:
    """Forget finished messages after thirty days, and those nobody finished once their time is long past."""
    return Delivery.objects.filter(created_at__lt=now - KEEP, expires_at__lt=now).delete()[0]


def _under_way(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state__in=UNDER_WAY, next_try_at__lte=now)


def _send_all(
    rows: list[Delivery], *, kind: Kind, gateway: OpenGateway, clock: Callable[[], datetime]
) -> None:
    if not rows:
        return
    began = time.monotonic()
    with gateway(kind) as way_out:
        for row in rows:
            if time.monotonic() - began > BATCH_SECONDS:
                result: Result = Deferred("The server is slow; the message waits its turn.")
            else:
                result = _send(row, way_out)
            settle(row, result, now=clock())


def _send(row: Delivery, way_out: Gateway) -> Result:
    try:
        # The time of the request, not of this try: a second copy is then the same message to the last byte.
        return way_out.send(parcel_of(row, at=row.created_at))
    except Exception as error:  # one message that cannot be made must not hold up the others
        logger.exception("delivery %s cannot be sent", row.uid)
        return Deferred(f"The message cannot be sent: {type(error).__name__}.")


def _close(row: Delivery, state: State, reason: str, *, now: datetime) -> None:
    Delivery.objects.filter(pk=row.pk).update(state=state, error=reason[:300])
    note_failed(row, state, reason, now=now)
