"""The addresses of a service."""
from django.contrib import admin
from django.urls import path

from core import metrics, views

urlpatterns = [
    path("health/", views.health),
    path("health/db/", views.health_of_database),
    path("metrics/", metrics.metrics),
    path("records/", views.records),
    path("peers/", views.peers),
    path("admin/", admin.site.urls),
]
