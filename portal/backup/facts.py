"""What is told of a database in the manifest of its backup."""

from audit.record import Ask, head
from portal.backup.archive import Facts


def facts(ask: Ask) -> Facts:
    """The state of the migrations and of the trail; `ask` runs a statement on the very state that is backed up."""
    return Facts(
        migrations=[list(row) for row in ask("SELECT app, name FROM django_migrations ORDER BY app, name")],
        audit_events=ask("SELECT count(*) FROM audit_auditevent")[0][0],
        audit_head=head(ask),
    )
