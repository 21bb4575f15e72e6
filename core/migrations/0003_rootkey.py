from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_seen"),
    ]

    operations = [
        migrations.CreateModel(
            name="RootKey",
            fields=[
                ("key_id", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("proof", models.CharField(max_length=64)),
            ],
        ),
    ]
