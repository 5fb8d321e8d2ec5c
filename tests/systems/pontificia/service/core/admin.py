"""What the administration shows."""
from django.contrib import admin

from .models import Record

admin.site.register(Record)
