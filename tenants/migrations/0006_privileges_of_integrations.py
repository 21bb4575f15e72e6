"""Privileges about integrations, API keys and signing keys."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPLICATION = "Gatehouse"
# name -> description, and whether a company's administrator has it too
PRIVILEGES = {
    "Integrations - View": ("See integrations and their public keys.", True),
    "Integrations - Manage": ("Create, change and delete integrations and their keys.", True),
    "API Keys - View": ("See API keys, without their secrets.", True),
    "API Keys - Manage": ("Make and revoke API keys.", True),
    "Signing Keys - View": ("See the keys that sign our tokens.", False),
    "Signing Keys - Manage": ("Rotate and revoke the keys that sign our tokens.", False),
}


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Put them into the catalogue, and give them to the built-in administrators."""
    roles = apps.get_model("tenants", "Role").objects.filter(is_built_in=True, company=None)
    for name, (description, of_companies) in PRIVILEGES.items():
        privilege = apps.get_model("tenants", "Privilege").objects.create(
            application=APPLICATION, name=name, description=description
        )
        for role in roles.filter(rank__in=(100, 60) if of_companies else (100,)):
            role.privileges.add(privilege)


class Migration(migrations.Migration):
    """Six more built-in privileges."""

    dependencies = [("tenants", "0005_kinds_of_tokens")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
