"""The root of all tenants."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def add(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """ENVIRONMENT, whose DBID is 1."""
    apps.get_model("configserver", "Tenant").objects.create(dbid=1, name="ENVIRONMENT")


class Migration(migrations.Migration):
    """The tenant ENVIRONMENT."""

    dependencies = [("configserver", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
