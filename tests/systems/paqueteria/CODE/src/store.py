"""Where everything is kept: Redis, by the password of the environment."""
import os

import redis

HOST = os.environ.get("REDIS_HOST", "redis")
PASSWORD = os.environ["REDIS_PASSWORD"]

HEARTBEATS = "heartbeats"


def connect():
    """A client that gives up soon: a health check must not hang."""
    return redis.Redis(
        host=HOST, password=PASSWORD, db=0, decode_responses=True, socket_timeout=3, socket_connect_timeout=3
    )


def url(database):
    """The address with the password, for Celery."""
    return f"redis://:{PASSWORD}@{HOST}:6379/{database}"
