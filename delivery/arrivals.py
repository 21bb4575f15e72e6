"""What the provider says of a message after it took it.

It may say it twice, in any order, and before the worker has noted the provider's name for it.
"""

from datetime import datetime

from django.db.models import Q

from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from delivery.models import Delivery, State


def arrived(row: Delivery, *, provider_id: str, now: datetime) -> None:
    """It is on the phone: that is final, whatever was or will be said of it, and it is not sent again."""
    Delivery.objects.filter(pk=row.pk, delivered_at=None).update(
        state=State.SENT, provider_id=provider_id, sent_at=row.sent_at or now, delivered_at=now, error=""
    )


def lost(row: Delivery, *, provider_id: str, reason: str, now: datetime) -> None:
    """The provider gave it up. Of a copy of before, or of a message that is on the phone or being sent again, it says nothing."""
    named = Q(state=State.SENT, provider_id=provider_id)
    # Between its being taken and our noting it, which is when a worker holds it.
    unnamed = Q(state=State.LEASED) & ~Q(provider_id=provider_id)
    with unit():
        mine = Delivery.objects.filter(named | unnamed, pk=row.pk, delivered_at=None)
        if mine.update(
            state=State.FAILED, provider_id=provider_id, sent_at=row.sent_at or now, error=reason[:300]
        ):
            note_failed(row, State.FAILED, reason, now=now)


def note_failed(row: Delivery, state: State, reason: str, *, now: datetime) -> None:
    """Inside a unit: write down that a message did not get there."""
    record(
        Event.DELIVERY_FAILED,
        origin=Origin(),
        at=now,
        company_id=row.company_id,
        subject=row,
        template=row.template,
        state=state.value,
        reason=reason[:300],
        tries=row.attempts,
    )
