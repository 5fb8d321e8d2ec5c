"""Background work."""
from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

HEARTBEATS = "heartbeats"
LAST_HEARTBEAT = "last_heartbeat"


@shared_task
def heartbeat():
    """Counts in the cache, so that /api/ shows that beat, broker and worker all work."""
    cache.add(HEARTBEATS, 0, timeout=None)
    count = cache.incr(HEARTBEATS)
    cache.set(LAST_HEARTBEAT, timezone.now().isoformat(), timeout=None)
    return count
