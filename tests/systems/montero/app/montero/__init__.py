"""The application."""
import os
import socket
import sqlite3

import redis
from flask import Flask, g, jsonify, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address


def database():
    """The connection of this request. It waits for other writers instead of failing."""
    if "database" not in g:
        g.database = sqlite3.connect(os.environ["DATABASE"], timeout=10)
        g.database.row_factory = sqlite3.Row
    return g.database


def close_database(_error=None):
    """After every request."""
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def cache():
    """A client that gives up soon: a health check must not hang."""
    return redis.Redis(
        host=os.environ.get("REDIS_HOST", "redis"),
        password=os.environ["REDIS_PASSWORD"],
        decode_responses=True,
        socket_timeout=3,
        socket_connect_timeout=3,
    )


def create_app():
    """Checks what has no default, and makes the application."""
    key = os.environ["SECRET_KEY"]
    if len(key) < 32:
        raise RuntimeError("SECRET_KEY needs at least 32 characters")
    app = Flask("montero")
    app.config["SECRET_KEY"] = key
    app.teardown_appcontext(close_database)
    host = os.environ.get("REDIS_HOST", "redis")
    # All replicas count in one place.
    limiter = Limiter(
        get_remote_address, app=app, storage_uri="redis://:{}@{}:6379/1".format(os.environ["REDIS_PASSWORD"], host)
    )

    @app.get("/health")
    def health():
        """200 when database and cache answer, 503 otherwise."""
        checks = {}
        for name, check in (
            ("database", lambda: database().execute("SELECT count(*) FROM note").fetchone()),
            ("cache", lambda: cache().ping()),
        ):
            try:
                check()
                checks[name] = "ok"
            except Exception:  # whatever the driver raises: this check has failed
                checks[name] = "failed"
        healthy = all(result == "ok" for result in checks.values())
        return jsonify(status="ok" if healthy else "failed", **checks), 200 if healthy else 503

    @app.get("/whoami")
    def whoami():
        """Which replica answers."""
        return jsonify(host=socket.gethostname(), environment=os.environ.get("FLASK_ENV"))

    @app.get("/notes")
    def notes():
        """All notes."""
        rows = database().execute("SELECT id, text, author FROM note ORDER BY id")
        return jsonify([dict(row) for row in rows])

    @app.post("/notes")
    def add():
        """One more."""
        given = request.get_json()
        with database() as connection:
            made = connection.execute("INSERT INTO note (text, author) VALUES (?, ?)", (given["text"], given.get("author")))
        return jsonify(id=made.lastrowid), 201

    @app.get("/limited")
    @limiter.limit(os.environ.get("RATE_LIMIT", "60 per minute"))
    def limited():
        """For whoever asks too often."""
        return jsonify(status="ok")

    return app
