"""The health check and the public pages."""
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from .models import Certificate


def database_answers():
    """A query of a table that the migrations made."""
    Certificate.objects.exists()


def cache_answers():
    """Writes a value and reads it back."""
    cache.set("health", "ok", timeout=10)
    if cache.get("health") != "ok":
        raise RuntimeError("the cache lost a value")


def health(_request):
    """200 when database and cache answer, 503 otherwise; says which one does not, never why (it is public)."""
    checks = {}
    for name, check in (("database", database_answers), ("cache", cache_answers)):
        try:
            check()
            checks[name] = "ok"
        except Exception:  # whatever the driver raises: this check has failed
            checks[name] = "failed"
    healthy = all(result == "ok" for result in checks.values())
    return JsonResponse({"status": "ok" if healthy else "failed", **checks}, status=200 if healthy else 503)


def verify(_request, code):
    """Who holds the certificate with this code."""
    found = get_object_or_404(Certificate, code=code)
    return JsonResponse({"holder": found.holder, "course": found.course, "document": found.document.url})


def about(request):
    """Where we are, how many certificates there are, and how often this session came by."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM issuer WHERE name = %s", ["initialised_by"])
        row = cursor.fetchone()
    return JsonResponse(
        {
            "environment": settings.ENVIRONMENT,
            "certificates": Certificate.objects.count(),
            "visits": request.session["visits"],
            "initialised_by": row[0] if row else None,
        }
    )
