"""What is told of a database in the manifest of its backup."""

from collections.abc import Callable
from typing import Any

from audit.record import GENESIS
from portal.backup.archive import Facts

Ask = Callable[[str], list[tuple[Any, ...]]]


def facts(ask: Ask) -> Facts:
    """The state of the migrations and of the trail; `ask` runs a statement on the very state that is backed up."""
    heads = ask("SELECT mac FROM audit_auditevent ORDER BY id DESC LIMIT 1") or ask(
        "SELECT mac FROM audit_anchor ORDER BY event_id DESC, id DESC LIMIT 1"
    )
    return Facts(
        migrations=[list(row) for row in ask("SELECT app, name FROM django_migrations ORDER BY app, name")],
        audit_events=ask("SELECT count(*) FROM audit_auditevent")[0][0],
        audit_head=heads[0][0] if heads else GENESIS,
    )
