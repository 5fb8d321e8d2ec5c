"""The project. Importing the Celery application here lets shared tasks find it."""
from .celery import app as celery_app

__all__ = ["celery_app"]
