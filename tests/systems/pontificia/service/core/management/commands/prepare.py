"""`manage.py prepare`."""
import os
import time

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.utils import OperationalError

PATIENCE_SECONDS = 60


class Command(BaseCommand):
    """Makes database and static files ready; safe to run again."""

    help = "waits for the database, migrates, creates the administrator, collects static files"

    def handle(self, *args, **options):
        """In this order."""
        self.wait()
        call_command("migrate", interactive=False, verbosity=1)
        self.ensure_admin()
        call_command("collectstatic", interactive=False, verbosity=0)

    def wait(self):
        """Until the database takes a connection."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return connection.ensure_connection()
            except OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def ensure_admin(self):
        """An existing account stays as it is."""
        name = os.environ.get("DJANGO_SUPERUSER_USERNAME")
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        users = get_user_model().objects
        if name and password and not users.filter(username=name).exists():
            users.create_superuser(name, os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password)
            self.stdout.write(f"created the administrator {name}")
