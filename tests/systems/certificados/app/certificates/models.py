"""What is certified."""
import uuid

from django.db import models


class Certificate(models.Model):
    """Somebody finished a course. The document lies in the media directory."""

    code = models.UUIDField(default=uuid.uuid4, unique=True)
    holder = models.CharField(max_length=200)
    course = models.CharField(max_length=200)
    document = models.FileField(upload_to="certificates/")
    issued_at = models.DateTimeField(auto_now_add=True)
