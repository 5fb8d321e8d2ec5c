"""How gunicorn runs here."""
import os

from prometheus_client import multiprocess

bind = os.environ.get("BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "4"))
preload_app = True
worker_tmp_dir = "/dev/shm"
accesslog = "-"


def child_exit(_server, worker):
    """Its gauges end with a worker; its counters stay."""
    multiprocess.mark_process_dead(worker.pid)
