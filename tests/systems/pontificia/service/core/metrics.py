"""Numbers for Prometheus, summed over the workers."""
from django.conf import settings
from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest, multiprocess

REQUESTS = Counter("http_requests_total", "Answered requests.", ["service", "method", "status"])


def count_requests(get_response):
    """Middleware: counts every answer."""

    def middleware(request):
        response = get_response(request)
        REQUESTS.labels(settings.SERVICE_NAME, request.method, response.status_code).inc()
        return response

    return middleware


def metrics(_request):
    """What all workers counted."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
