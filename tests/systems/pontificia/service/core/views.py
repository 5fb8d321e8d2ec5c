"""Health checks, records, and what this service hears from others."""
import json
import urllib.request

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .models import Record


def database_answers():
    """A query of a table that the migrations made."""
    Record.objects.exists()


def cache_answers():
    """Writes a value and reads it back."""
    cache.set("health", "ok", timeout=10)
    if cache.get("health") != "ok":
        raise RuntimeError("the cache lost a value")


def checked(*named):
    """200 when all checks pass, 503 otherwise; says which one does not, never why (it is public)."""
    checks = {}
    for name, check in named:
        try:
            check()
            checks[name] = "ok"
        except Exception:  # whatever the driver raises: this check has failed
            checks[name] = "failed"
    healthy = all(result == "ok" for result in checks.values())
    answer = {"service": settings.SERVICE_NAME, "status": "ok" if healthy else "failed", **checks}
    return JsonResponse(answer, status=200 if healthy else 503)


def health(_request):
    """Database and cache."""
    return checked(("database", database_answers), ("cache", cache_answers))


def health_of_database(_request):
    """The database alone."""
    return checked(("database", database_answers))


@csrf_exempt
def records(request):
    """How many there are, in which database; a POST makes one more."""
    if request.method == "POST":
        Record.objects.create(name=request.POST.get("name", "unnamed"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT DATABASE(), made_by FROM initialised")
        database, made_by = cursor.fetchone()
    return JsonResponse(
        {"service": settings.SERVICE_NAME, "database": database, "made_by": made_by, "records": Record.objects.count()}
    )


def peers(_request):
    """The health of the services that this one depends on, fetched now."""
    found = {}
    for name, url in settings.PEERS.items():
        try:
            with urllib.request.urlopen(url + "/health/", timeout=5) as answer:
                found[name] = json.load(answer)["status"]
        except (OSError, ValueError) as error:
            found[name] = f"failed: {error}"
    return JsonResponse(found)
