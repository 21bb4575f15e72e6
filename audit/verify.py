"""Checking the chain, and pruning what is older than the retention behind a signed anchor."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.events import Event
from audit.models import Anchor, AuditEvent, Rotation
from audit.record import GENESIS, PURPOSE, Origin, canonical, hold_chain, record
from core import crypto, entropy
from core.db import unit


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The result of a check: how many rows, the newest seal, and the first row that does not fit (None: all do).

    And for a mark over all of it: the newest row, the digest up to it, and whether anything still needs an older key.
    """

    rows: int
    head: str
    broken_at: int | None
    reason: str = ""
    last: int = field(default=0, compare=False)
    digest: str = field(default="", compare=False)
    needs_older_key: bool = field(default=False, compare=False)


def _anchor_text(anchor: Anchor) -> bytes:
    text = f"anchor\n{anchor.event_id}\n{anchor.mac}\n{anchor.at.astimezone(UTC).isoformat()}"
    return (text if anchor.digest is None else f"{text}\n{anchor.digest}").encode()


def _rotation_text(mark: Rotation) -> bytes:
    return f"rotation\n{mark.event_id}\n{mark.digest}\n{mark.at.astimezone(UTC).isoformat()}".encode()


def _signed(mark: Anchor | Rotation) -> Anchor | Rotation:
    """The mark, with its signature under the active key."""
    mark.signature = crypto.mac(_text(mark), purpose=PURPOSE).hex()
    return mark


def _text(mark: Anchor | Rotation) -> bytes:
    return _anchor_text(mark) if isinstance(mark, Anchor) else _rotation_text(mark)


def _made_under(text: bytes, mac: str) -> int | None:
    """Which of the live keys (0: the active one) made this; None: none of them."""
    for index, one in enumerate(crypto.macs(text, purpose=PURPOSE)):
        if entropy.same(mac, one.hex()):
            return index
    return None


def _next_digest(digest: str, row: AuditEvent, text: bytes) -> str:
    return hashlib.sha256(f"{digest}\n{row.pk}\n{row.mac}\n".encode() + text).hexdigest()


def _rows() -> Iterator[AuditEvent]:
    return AuditEvent.objects.order_by("id").iterator(chunk_size=2_000)


def _newest_anchor() -> Anchor | None:
    """Where the chain begins now, if anything was pruned."""
    return Anchor.objects.order_by("-event_id", "-id").first()


def _newest_rotation() -> Rotation | None:
    return Rotation.objects.order_by("-event_id", "-id").first()


def verify() -> Verdict:
    """Walk the whole chain from the newest anchor (or the beginning) on; a change, a gap or a foreign row shows.

    What stands behind the newest rotation of keys is held against its digest, and needs no key that was live before it.
    """
    while True:
        anchor = _newest_anchor()
        verdict = _walk(anchor, _newest_rotation())
        # Pruned meanwhile, the chain begins somewhere else now.
        if verdict.broken_at is None or _newest_anchor() == anchor:
            return verdict


def _broken(at: int, reason: str, *, rows: int = 0, head: str = "") -> Verdict:
    return Verdict(rows=rows, head=head, broken_at=at, reason=reason)


def _walk(anchor: Anchor | None, rotation: Rotation | None) -> Verdict:
    before, digest, last, rows, older = GENESIS, "", 0, 0, False
    if anchor is not None:
        key = _made_under(_anchor_text(anchor), anchor.signature)
        if key is None:
            return _broken(anchor.event_id, "the anchor's signature is wrong")
        before, digest, last, older = anchor.mac, anchor.digest or "", anchor.event_id, key > 0
    covered = rotation.event_id if rotation is not None and rotation.event_id > last else 0
    awaited = ""
    if rotation is not None and covered:
        key = _made_under(_rotation_text(rotation), rotation.signature)
        if key is None:
            return _broken(covered, "the signature of the mark made with new keys is wrong")
        awaited, older = rotation.digest, older or key > 0
    for row in _rows():
        if awaited and row.pk > covered:
            if not entropy.same(digest, awaited):
                break
            awaited = ""
        text = canonical(row)
        if not awaited:
            key = _made_under(before.encode() + b"\n" + text, row.mac)
            if key is None:
                reason = "the seal does not fit this row and the one before"
                return _broken(row.pk, reason, rows=rows, head=before)
            older = older or key > 0
        before, digest, last = row.mac, _next_digest(digest, row, text), row.pk
        rows += 1
    if awaited and not entropy.same(digest, awaited):
        reason = "an event up to this one is not what it was when the keys were rotated"
        return _broken(covered, reason, rows=rows, head=before)
    return Verdict(rows=rows, head=before, broken_at=None, last=last, digest=digest, needs_older_key=older)


def newest_fits() -> bool:
    """Whether a live key sealed the newest event; True of an empty trail. (A pruned one is not empty: that is an event.)"""
    newest = list(AuditEvent.objects.order_by("-id")[:2])
    if not newest:
        return True
    # Not whole anchors: a backup is made of an older database, too, in which they have fewer columns.
    anchors = Anchor.objects.order_by("-event_id").values_list("mac", flat=True)
    before = newest[1].mac if newest[1:] else anchors.first() or GENESIS
    return _made_under(before.encode() + b"\n" + canonical(newest[0]), newest[0].mac) is not None


def prune(*, before: datetime, now: datetime) -> int:
    """Delete the rows older than `before` behind a signed anchor; the number of rows deleted.

    The triggers let only rows up to an anchor go, so nothing else can delete history unnoticed.
    """
    begin = _newest_anchor()
    first_kept = AuditEvent.objects.filter(at__gte=before).order_by("id").values_list("id", flat=True).first()
    old = AuditEvent.objects.all() if first_kept is None else AuditEvent.objects.filter(id__lt=first_kept)
    last = old.order_by("-id").first()
    if last is None:
        return 0
    # Rows never change, so the long reading needs no lock.
    digest = (begin.digest or "") if begin is not None else ""
    for row in AuditEvent.objects.filter(id__lte=last.pk).order_by("id").iterator(chunk_size=2_000):
        digest = _next_digest(digest, row, canonical(row))
    with unit():
        hold_chain()
        if _newest_anchor() != begin:
            return 0  # somebody else has pruned meanwhile
        _signed(Anchor(event_id=last.pk, mac=last.mac, digest=digest, at=now)).save(force_insert=True)
        deleted = AuditEvent.objects.filter(id__lte=last.pk).delete()[0]
        record(Event.AUDIT_PRUNED, origin=Origin(), at=now, rows=deleted, up_to=last.pk)
    return deleted


def cover(*, now: datetime) -> Verdict:
    """After a rotation of keys: a mark under the new one over everything so far, unless nothing needs an older one; what was found.

    Nothing is covered that does not fit under the keys that are live, for a mark over it would bear it out.
    """
    verdict = verify()
    if verdict.broken_at is not None or not verdict.needs_older_key:
        return verdict
    with unit():
        hold_chain()
        anchor = _newest_anchor()
        if anchor is not None:
            again = Anchor(event_id=anchor.event_id, mac=anchor.mac, digest=anchor.digest, at=anchor.at)
            _signed(again).save(force_insert=True)
        if verdict.rows:
            _signed(Rotation(event_id=verdict.last, digest=verdict.digest, at=now)).save(force_insert=True)
        active, *older = crypto.live_key_ids()
        record(
            Event.KEYS_ROTATED,
            origin=Origin(),
            at=now,
            key=active,
            older=older,
            events=verdict.rows,
            up_to=verdict.last,
            digest=verdict.digest,
        )
    return verdict
