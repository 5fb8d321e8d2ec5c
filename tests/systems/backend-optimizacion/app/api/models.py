"""What the API keeps in the database."""
from django.db import models


class Visit(models.Model):
    """One answered request to /api/."""

    at = models.DateTimeField(auto_now_add=True)
