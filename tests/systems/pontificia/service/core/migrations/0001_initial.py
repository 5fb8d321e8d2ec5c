"""The first tables."""
from django.db import migrations, models


class Migration(migrations.Migration):
    """Creates the table of records."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Record",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
