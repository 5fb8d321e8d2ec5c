"""The health check and the API."""
from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse

from .models import Visit
from .tasks import HEARTBEATS, LAST_HEARTBEAT


def database_answers():
    """Runs the smallest query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


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


def summary(_request):
    """What database, cache and workers have done so far."""
    Visit.objects.create()
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM site_setting WHERE name = %s", ["initialised_by"])
        row = cursor.fetchone()
    return JsonResponse(
        {
            "visits": Visit.objects.count(),
            "heartbeats": cache.get(HEARTBEATS, 0),
            "last_heartbeat": cache.get(LAST_HEARTBEAT),
            "initialised_by": row[0] if row else None,
        }
    )
