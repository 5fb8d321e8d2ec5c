"""The addresses of the site."""
from django.contrib import admin
from django.urls import path

from api import views

urlpatterns = [
    path("health/", views.health),
    path("api/", views.summary),
    path("admin/", admin.site.urls),
]
