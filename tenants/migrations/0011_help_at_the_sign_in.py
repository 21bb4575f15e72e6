"""The privilege to answer those who ask for help at the sign-in."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# application, name -> description, and the ranks of the built-in roles that have it
PRIVILEGES = {("Gatehouse", "Help - Answer"): ("See who asks for help at the sign-in, and answer.", (100, 60))}


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Put it into the catalogue, and give it to built-in roles."""
    roles = apps.get_model("tenants", "Role").objects.filter(is_built_in=True, company=None)
    for (application, name), (description, ranks) in PRIVILEGES.items():
        privilege, _made = apps.get_model("tenants", "Privilege").objects.get_or_create(
            application=application, name=name, defaults={"description": description}
        )
        for role in roles.filter(rank__in=ranks):
            role.privileges.add(privilege)


class Migration(migrations.Migration):
    """One more built-in privilege."""

    dependencies = [("tenants", "0010_privilege_to_impersonate")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
