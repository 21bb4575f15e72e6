"""Checking the chain, and pruning what is older than the retention behind a signed anchor."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from audit.events import Event
from audit.models import Anchor, AuditEvent
from audit.record import GENESIS, LOCK, PURPOSE, Origin, canonical, record
from core import crypto, entropy
from core.db import unit


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a check: how many rows, the newest seal, and the first row that does not fit (None: all do)."""

    rows: int
    head: str
    broken_at: int | None
    reason: str = ""


def _signature(anchor: Anchor) -> bytes:
    return f"anchor\n{anchor.event_id}\n{anchor.mac}\n{anchor.at.astimezone(UTC).isoformat()}".encode()


def _rows() -> Iterator[AuditEvent]:
    return AuditEvent.objects.order_by("id").iterator(chunk_size=2_000)


def _newest_anchor() -> Anchor | None:
    return Anchor.objects.order_by("-event_id").first()


def verify() -> Verdict:
    """Walk the whole chain from the newest anchor (or the beginning) on; a change, a gap or a foreign row shows."""
    while True:
        anchor = _newest_anchor()
        verdict = _walk(anchor)
        # Pruned meanwhile, the chain begins somewhere else now.
        if verdict.broken_at is None or _newest_anchor() == anchor:
            return verdict


def _walk(anchor: Anchor | None) -> Verdict:
    before, rows = GENESIS, 0
    if anchor is not None:
        if not any(
            entropy.same(anchor.signature, mac.hex())
            for mac in crypto.macs(_signature(anchor), purpose=PURPOSE)
        ):
            return Verdict(
                rows=0, head="", broken_at=anchor.event_id, reason="the anchor's signature is wrong"
            )
        before = anchor.mac
    for row in _rows():
        text = before.encode() + b"\n" + canonical(row)
        if not any(entropy.same(row.mac, mac.hex()) for mac in crypto.macs(text, purpose=PURPOSE)):
            return Verdict(
                rows=rows,
                head=before,
                broken_at=row.pk,
                reason="the seal does not fit this row and the one before",
            )
        before = row.mac
        rows += 1
    return Verdict(rows=rows, head=before, broken_at=None)


def prune(*, before: datetime, now: datetime) -> int:
    """Delete the rows older than `before` behind a signed anchor; the number of rows deleted.

    The triggers let only rows up to an anchor go, so nothing else can delete history unnoticed.
    """
    with unit():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        newest_kept = (
            AuditEvent.objects.filter(at__gte=before).order_by("id").values_list("id", flat=True).first()
        )
        old = (
            AuditEvent.objects.all() if newest_kept is None else AuditEvent.objects.filter(id__lt=newest_kept)
        )
        last = old.order_by("-id").first()
        if last is None:
            return 0
        anchor = Anchor(event_id=last.pk, mac=last.mac, at=now)
        anchor.signature = crypto.mac(_signature(anchor), purpose=PURPOSE).hex()
        anchor.save(force_insert=True)
        deleted = AuditEvent.objects.filter(id__lte=last.pk).delete()[0]
        record(Event.AUDIT_PRUNED, origin=Origin(), at=now, rows=deleted, up_to=last.pk)
    return deleted
