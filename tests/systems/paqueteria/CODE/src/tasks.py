"""Background work, each kind in a queue of its own."""
import os
import pathlib

from celery import Celery

from . import store

app = Celery("paqueteria", broker=store.url(1), backend=store.url(2))
app.conf.update(
    timezone="America/Bogota",
    task_default_queue="default",
    task_routes={
        "reports.*": {"queue": "reports"},
        "sms.*": {"queue": "sms"},
        "files.*": {"queue": "files"},
        "maintenance.*": {"queue": "maintenance"},
    },
    beat_schedule={"heartbeat": {"task": "maintenance.heartbeat", "schedule": 5.0}},
    result_expires=3600,
)


@app.task(name="sms.arrived")
def sms_arrived(number):
    """Tells the receiver. Sending is kept in a list here: there is no telephone network in a test."""
    sender = os.environ.get("SMS_SENDER", "PAQUETERIA")
    store.connect().rpush("sms", f"{sender}: parcel {number} has arrived")


@app.task(name="reports.parcels")
def report():
    """How many parcels there are, and which release counted them."""
    return {"parcels": store.connect().scard("parcels"), "release": os.environ.get("RELEASE")}


@app.task(name="files.label")
def label(number):
    """Writes the label of a parcel where the web server finds it."""
    path = pathlib.Path("/app/uploads") / f"{number}.txt"
    path.write_text(f"PARCEL {number}\n")
    return path.name


@app.task(name="maintenance.heartbeat")
def heartbeat():
    """Counts, so that everyone sees that beat, broker and worker all work."""
    return store.connect().incr(store.HEARTBEATS)
