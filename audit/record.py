"""record(): write down what happened, in the transaction in which it happened, as the last thing in it.

Taken earlier, the lock would be held over other row locks and deadlock; without it two writers would chain to the same row.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from django.db import connection

from audit.counted import count
from audit.events import Event
from audit.models import AuditEvent
from core import crypto
from core.db import after_commit, current_unit
from core.prepared import Insert
from core.routes import request_id

Detail = str | int | bool | None | list[str]
Ask = Callable[[str], list[tuple[Any, ...]]]  # runs one statement, and gives its rows
LOCK = 0x6761_7465  # advisory lock of the chain on PostgreSQL; on SQLite the write lock serves
GENESIS = "0" * 64
PURPOSE = "audit"


class Named(Protocol):
    """Whatever can be an actor or a subject: it has an id that stays and a name for people."""

    uid: uuid.UUID

    def __str__(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who did it and from where; made at the edge and handed down."""

    actor: Named | None = None
    address: str = ""
    impersonator: Named | None = None  # who really did it, in the actor's place
    portal: str = ""  # the name of the other installation whose administrator the actor is


@dataclass(frozen=True, kw_only=True)
class _Noted:
    event: Event
    at: datetime
    origin: Origin
    company_id: int | None
    subject_kind: str
    subject_uid: str
    subject_name: str
    details: Mapping[str, Detail] = field(default_factory=dict)


def record(
    event: Event,
    *,
    origin: Origin,
    at: datetime,
    company_id: int | None = None,
    subject: Named | None = None,
    **details: Detail,
) -> None:
    """Write `event` down when the unit under way commits; outside of a unit it is a mistake."""
    running = current_unit()
    if running is None:
        raise RuntimeError("audit.record() belongs inside core.db.unit().")
    if (behind := origin.impersonator) is not None:
        details |= {"impersonator": str(behind), "impersonator_uid": str(behind.uid)}
    if origin.portal:
        details |= {"portal": origin.portal}
    noted = _Noted(
        event=event,
        at=at,
        origin=origin,
        company_id=company_id,
        subject_kind=type(subject).__name__.lower() if subject is not None else "",
        subject_uid=str(subject.uid) if subject is not None else "",
        subject_name=str(subject)[:254] if subject is not None else "",
        details=details,
    )
    running.gather("audit", noted, _append)


def canonical(row: AuditEvent) -> bytes:
    """The bytes that the seal covers: every column but the seal, in one fixed form."""
    return json.dumps(
        [
            row.at.astimezone(UTC).isoformat(),
            row.event,
            row.actor_uid,
            row.actor_name,
            row.company_id,
            row.subject_kind,
            row.subject_uid,
            row.subject_name,
            row.address,
            row.request_id,
            row.details,
        ],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def seal(before: str, row: AuditEvent) -> str:
    """The seal of `row` when it follows the row sealed `before`."""
    return crypto.mac(before.encode() + b"\n" + canonical(row), purpose=PURPOSE).hex()


_HOLD = f"SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_advisory_xact_lock({LOCK})"


def hold_chain() -> None:
    """Inside a transaction: nobody else appends to the chain, or cuts it, until its end."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # First what PostgreSQL would check at the commit, for it locks the rows that foreign keys point to: done with our lock in hand,
            # it would wait for whoever holds such a row and waits for our lock.
            cursor.execute(_HOLD)


def _ask(statement: str, *, hold: str = "") -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(hold + statement)
        while hold and cursor.nextset():
            pass
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _ask_with_chain_held(statement: str) -> list[tuple[Any, ...]]:
    # One round trip but several statements: each sees what was committed when it began, so the last one begins with the lock in hand.
    return _ask(statement, hold=f"{_HOLD}; " if connection.vendor == "postgresql" else "")


def head(ask: Ask = _ask) -> str:
    """The seal that the next row chains to, in the database that `ask` runs a statement on."""
    newest = ask("SELECT mac FROM audit_auditevent ORDER BY id DESC LIMIT 1") or ask(
        "SELECT mac FROM audit_anchor ORDER BY event_id DESC, id DESC LIMIT 1"
    )
    return newest[0][0] if newest else GENESIS


def _append(noted: list[_Noted]) -> None:
    before = head(_ask_with_chain_held)
    rows = []
    for one in noted:
        actor = one.origin.actor
        row = AuditEvent(
            at=one.at,
            event=one.event.value,
            actor_uid=str(actor.uid) if actor is not None else "",
            actor_name=str(actor)[:254] if actor is not None else "",
            company_id=one.company_id,
            subject_kind=one.subject_kind,
            subject_uid=one.subject_uid,
            subject_name=one.subject_name,
            address=one.origin.address,
            request_id=request_id.get(),
            details=dict(one.details),
        )
        row.mac = before = seal(before, row)
        rows.append(row)
    Insert(*rows).now()
    after_commit(count, [one.event for one in noted])
