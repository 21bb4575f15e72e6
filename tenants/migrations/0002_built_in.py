"""The privileges of this product, and four roles to start with."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPLICATION = "Gatehouse"
PRIVILEGES = {
    "Administration - Open": "Open the administration.",
    "Users - View": "See people.",
    "Users - Manage": "Create, change, lock and delete people.",
    "Roles - View": "See roles, privileges and permissions.",
    "Roles - Manage": "Create, change and delete roles, privileges and permissions.",
    "Companies - View": "See companies.",
    "Companies - Manage": "Create, change and delete companies.",
    "Settings - View": "See the settings.",
    "Settings - Manage": "Change the settings.",
    "Sessions - View": "See who is signed in.",
    "Sessions - End": "End people's sessions.",
    "Audit - View": "See and export the audit events.",
    "Deliveries - View": "See mails and texts on their way.",
    "Deliveries - Retry": "Send a failed mail or text again.",
    "Tokens - Introspect": "Ask whether a token is valid.",
}
# A company administrator rules people and settings, not the catalogue of companies.
COMPANY = [name for name in PRIVILEGES if name not in {"Companies - Manage", "Tokens - Introspect"}]
ROLES = [
    # name, rank, privileges, second factor, reach
    ("Full Administrator", 100, list(PRIVILEGES), "required", "every"),
    ("Company Administrator", 60, COMPANY, "required", "own"),
    ("Agent", 20, [], "", None),
    ("Member", 10, [], "", None),
]


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Create what is not there yet."""
    privilege_model = apps.get_model("tenants", "Privilege")
    role_model = apps.get_model("tenants", "Role")
    permission_model = apps.get_model("tenants", "Permission")
    held = {
        name: privilege_model.objects.create(application=APPLICATION, name=name, description=description)
        for name, description in PRIVILEGES.items()
    }
    for name, rank, privileges, policy, reach in ROLES:
        role = role_model.objects.create(name=name, rank=rank, twofactor_policy=policy, is_built_in=True)
        role.privileges.set([held[one] for one in privileges])
        if reach is not None:
            permission_model.objects.create(role=role, kind="*", reach=reach)


class Migration(migrations.Migration):
    """Built-in privileges and roles."""

    dependencies = [("tenants", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
