import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def find_makers(apps, schema_editor):
    """Of keys that there are the maker is known by name alone; where two people have it, none is taken for it."""
    users = apps.get_model("accounts", "User").objects
    keys = apps.get_model("accounts", "ApiKey").objects.filter(made_by=None)
    for name in keys.exclude(made_by_name="").order_by().values_list("made_by_name", flat=True).distinct():
        makers = list(users.filter(username=name).values_list("pk", flat=True)[:2])
        if len(makers) == 1:
            keys.filter(made_by_name=name).update(made_by=makers[0])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_openid'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='made_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(find_makers, migrations.RunPython.noop),
    ]
