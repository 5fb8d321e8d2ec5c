"""`manage.py issue HOLDER COURSE`."""
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand

from certificates.models import Certificate


class Command(BaseCommand):
    """Issues a certificate and prints its code."""

    help = "issues a certificate"

    def add_arguments(self, parser):
        """To whom, and for what."""
        parser.add_argument("holder")
        parser.add_argument("course")

    def handle(self, *args, **options):
        """One row and one document."""
        made = Certificate(holder=options["holder"], course=options["course"])
        text = f"{made.holder} has finished {made.course}.\nCode: {made.code}\n"
        made.document.save(f"{made.code}.txt", ContentFile(text.encode()), save=False)
        made.save()
        self.stdout.write(str(made.code))
