"""Numbers for Prometheus."""
from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

REQUESTS = Counter("http_requests_total", "Answered requests.", ["method", "status"])


def count_requests(get_response):
    """Middleware: counts every answer."""

    def middleware(request):
        response = get_response(request)
        REQUESTS.labels(request.method, response.status_code).inc()
        return response

    return middleware


def metrics(_request):
    """The numbers of the worker that happens to answer."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
