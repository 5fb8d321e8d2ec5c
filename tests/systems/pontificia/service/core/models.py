"""What a service keeps."""
from django.db import models


class Record(models.Model):
    """One thing that the service is about: a person, a payment, a document."""

    name = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
