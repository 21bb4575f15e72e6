"""Asking for a message, taking it back, trying again, and telling the person how it stands."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from audit.events import Event
from audit.record import Origin, record
from core.contacts import is_phone
from core.db import after_commit, current_unit, unit
from core.errors import PortalError
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot
from core.text import is_one_line
from delivery import wake
from delivery.derived import PLACEHOLDER, Derived
from delivery.models import UNDER_WAY, Delivery, Kind, State

LATE_AFTER = timedelta(seconds=10)
_STATE = Select(
    lambda: (
        Delivery.objects.filter(uid=Slot("uid"))
        .order_by()
        .values_list("state", "error", "created_at", "delivered_at")
    )
)


class Progress(StrEnum):
    """How a message stands, as far as the person who waits for it need know."""

    QUEUED = "queued"
    LATE = "late"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


def enqueue(
    *,
    to: str,
    template: str,
    language: str,
    now: datetime,
    expires_at: datetime,
    kind: Kind = Kind.EMAIL,
    subject: str = "",
    context: Mapping[str, Any] | None = None,
    secret: Derived | None = None,
    from_address: str = "",
    company_id: int | None = None,
    company_uid: UUID | None = None,
    user_uid: UUID | None = None,
) -> Delivery:
    """Ask for a message, in the transaction of its cause: both happen or neither; the worker is woken when it commits.

    `context` must hold no secret; `secret` describes a code or link. Raises PortalError for an impossible address or header.
    """
    if current_unit() is None:
        raise RuntimeError("delivery.enqueue() belongs inside core.db.unit().")
    context = dict(context or {})
    _refuse_nonsense(kind=kind, to=to, lines=(to, subject, from_address), context=context, secret=secret)
    row = Delivery(
        kind=kind,
        to=to,
        template=template,
        subject=subject[:200],
        context=context,
        secret=secret.stored() if secret else None,
        language=language,
        from_address=from_address,
        company_id=company_id,
        company_uid=company_uid,
        user_uid=user_uid,
        next_try_at=now,
        expires_at=expires_at,
        created_at=now,
    )
    Insert(row).now()
    after_commit(wake.worker)
    return row


def cancel(uid: UUID) -> bool:
    """Take a message back that has not been sent; False when it is too late for that."""
    return bool(Delivery.objects.filter(uid=uid, state__in=UNDER_WAY).update(state=State.CANCELLED))


def state_of(uid: UUID, *, now: datetime) -> Progress:
    """How the message stands; one that is pruned or was never asked for has failed."""
    row = _STATE.first(uid=uid)
    return Progress.FAILED if row is None else _progress(*row, now=now)


def states_of(uids: Iterable[UUID], *, now: datetime) -> dict[UUID, Progress]:
    """How these messages stand, in one statement; those that are pruned are left out."""
    columns = ("uid", "state", "error", "created_at", "delivered_at")
    rows = Delivery.objects.filter(uid__in=uids).order_by().values_list(*columns)
    return {uid: _progress(*row, now=now) for uid, *row in rows}


def _progress(
    state: str, error: str, created_at: datetime, delivered_at: datetime | None, *, now: datetime
) -> Progress:
    if delivered_at is not None:
        return Progress.DELIVERED
    if state == State.SENT:
        return Progress.SENT
    if state in UNDER_WAY:
        return Progress.LATE if error or now - created_at > LATE_AFTER else Progress.QUEUED
    return Progress.FAILED


def retry(delivery: Delivery, *, origin: Origin, now: datetime) -> Denied | None:
    """Send again what failed, or at once what waits; refused for what was sent, taken back, or whose time has passed."""
    with unit():
        waiting = Delivery.objects.filter(
            pk=delivery.pk, state__in=(State.FAILED, State.QUEUED), expires_at__gt=now
        )
        if not waiting.update(state=State.QUEUED, next_try_at=now, sent_at=None):
            return Denied(
                code="not_retryable",
                message=_(
                    "Only a message that failed or waits, and whose time has not passed, can be sent again."
                ),
            )
        record(
            Event.DELIVERY_RETRIED,
            origin=origin,
            at=now,
            company_id=delivery.company_id,
            subject=delivery,
            template=delivery.template,
        )
        after_commit(wake.worker)
    return None


def _refuse_nonsense(
    *, kind: Kind, to: str, lines: tuple[str, ...], context: Mapping[str, Any], secret: Derived | None
) -> None:
    # A line break in a header would let whoever chose the text write headers and recipients of their own.
    if not all(map(is_one_line, lines)):
        raise PortalError(
            "bad_header", status=400, detail="An address or subject holds a line break or control character."
        )
    if kind == Kind.EMAIL:
        try:
            validate_email(to)
        except ValidationError as error:
            raise PortalError("bad_address", status=400, detail="This is not a mail address.") from error
    elif not is_phone(to):
        raise PortalError("bad_address", status=400, detail="This is not a number in the form of E.164.")
    if secret and secret.kind == "link" and PLACEHOLDER not in context.get("url", ""):
        raise PortalError("bad_link", detail=f"The url of a link needs {PLACEHOLDER}.")
