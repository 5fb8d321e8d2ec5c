"""The first tables."""
import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    """Creates the table of certificates."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Certificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("holder", models.CharField(max_length=200)),
                ("course", models.CharField(max_length=200)),
                ("document", models.FileField(upload_to="certificates/")),
                ("issued_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
