from django.db import migrations, models


class Migration(migrations.Migration):
    """The roles that groups gave at the last sign-in, and room for longer ids of entries."""

    dependencies = [("configserver", "0002_environment")]
    operations = [
        migrations.AddField(
            model_name="person",
            name="mapped",
            field=models.JSONField(db_default=[], default=list, editable=False),
        ),
        migrations.AlterField(
            model_name="person",
            name="entry",
            field=models.CharField(
                blank=True, editable=False, max_length=255, verbose_name="directory entry"
            ),
        ),
    ]
