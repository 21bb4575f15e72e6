"""Privileges about the Configuration Server, held by the Full Administrator."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPLICATION = "Gatehouse"
PRIVILEGES = {
    "Directories - View": "See tenants, directories, directory roles and role packages.",
    "Directories - Manage": "Change tenants, directories, directory roles and role packages.",
}


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Put them into the catalogue, and give them to whom has every privilege."""
    full = apps.get_model("tenants", "Role").objects.filter(is_built_in=True, company=None, rank=100)
    for name, description in PRIVILEGES.items():
        privilege = apps.get_model("tenants", "Privilege").objects.create(
            application=APPLICATION, name=name, description=description
        )
        for role in full:
            role.privileges.add(privilege)


class Migration(migrations.Migration):
    """Two more built-in privileges."""

    dependencies = [("tenants", "0003_directories")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
