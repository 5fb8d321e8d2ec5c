"""The addresses of the site."""
from django.contrib import admin
from django.urls import path

from certificates import metrics, views

urlpatterns = [
    path("health/", views.health),
    path("metrics/", metrics.metrics),
    path("verify/<uuid:code>/", views.verify),
    path("about/", views.about),
    path("admin/", admin.site.urls),
]
