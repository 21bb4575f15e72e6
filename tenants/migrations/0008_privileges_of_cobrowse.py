"""Privileges about co-browse applications and sessions, and the one that makes an agent."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# application, name -> description, and the ranks of the built-in roles that have it
PRIVILEGES = {
    ("Gatehouse", "Applications - View"): (
        "See co-browse applications and their options, without the tokens.",
        (100, 60),
    ),
    ("Gatehouse", "Applications - Manage"): (
        "Create, change and delete co-browse applications and their options.",
        (100, 60),
    ),
    ("Gatehouse", "Co-browse Sessions - View"): ("See the co-browse sessions of everybody.", (100, 60)),
    ("Gatehouse", "Co-browse Sessions - End"): ("End co-browse sessions of others.", (100, 60)),
    ("Workspace", "Agent - Can Monitor Co-browse"): ("Work with co-browse sessions.", (100, 60, 20)),
}


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Put them into the catalogue, and give them to built-in roles."""
    roles = apps.get_model("tenants", "Role").objects.filter(is_built_in=True, company=None)
    for (application, name), (description, ranks) in PRIVILEGES.items():
        # Somebody may have put the one of the other system into the catalogue himself.
        privilege, _made = apps.get_model("tenants", "Privilege").objects.get_or_create(
            application=application, name=name, defaults={"description": description}
        )
        for role in roles.filter(rank__in=ranks):
            role.privileges.add(privilege)


class Migration(migrations.Migration):
    """Five more built-in privileges."""

    dependencies = [("tenants", "0007_kinds_of_cobrowse")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
