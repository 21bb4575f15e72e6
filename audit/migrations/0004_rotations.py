"""Marks over the trail, made when root keys are rotated; and the running digest that pruning hands on."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

SQLITE = """
CREATE TRIGGER audit_rotation_no_update BEFORE UPDATE ON audit_rotation
BEGIN SELECT RAISE(ABORT, 'a mark cannot be changed'); END;
CREATE TRIGGER audit_rotation_no_delete BEFORE DELETE ON audit_rotation
BEGIN SELECT RAISE(ABORT, 'a mark cannot be deleted'); END;
CREATE TRIGGER audit_rotation_no_replace BEFORE INSERT ON audit_rotation
WHEN EXISTS (SELECT 1 FROM audit_rotation WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a mark cannot be changed'); END;
CREATE TRIGGER audit_anchor_no_replace BEFORE INSERT ON audit_anchor
WHEN EXISTS (SELECT 1 FROM audit_anchor WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'an anchor cannot be changed'); END;
"""
POSTGRESQL = """
CREATE TRIGGER audit_rotation_no_change BEFORE UPDATE OR DELETE ON audit_rotation FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_rotation_no_truncate BEFORE TRUNCATE ON audit_rotation FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""


def add(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers of the database at hand."""
    if editor.connection.vendor == "postgresql":
        editor.execute(POSTGRESQL)
        return
    for statement in SQLITE.split("END;"):
        if statement.strip():
            editor.execute(statement + "END")


def remove(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """The triggers of the mark go with its table."""
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TRIGGER audit_anchor_no_replace")


class Migration(migrations.Migration):
    """Marks, and what anchors need for them."""

    dependencies = [("audit", "0003_names_by_their_beginning")]
    operations = [
        # Null, not empty: on SQLite a column with a default makes the table anew, and its triggers would go with the old one.
        migrations.AddField("anchor", "digest", models.CharField(max_length=64, null=True)),
        migrations.CreateModel(
            name="Rotation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("signature", models.CharField(max_length=64)),
            ],
        ),
        migrations.RunPython(add, remove),
    ]
