"""`manage.py ensure_admin`."""
import os

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Creates the administrator from DJANGO_SUPERUSER_*; an existing account stays as it is."""

    help = "creates the administrator unless the account exists"

    def handle(self, *args, **options):
        """Does nothing when no name or no password is given."""
        name = os.environ.get("DJANGO_SUPERUSER_USERNAME")
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        users = get_user_model().objects
        if not name or not password or users.filter(username=name).exists():
            return
        users.create_superuser(name, os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password)
        self.stdout.write(f"created the administrator {name}")
