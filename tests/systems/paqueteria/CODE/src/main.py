"""The web application."""
import pathlib

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from . import VERSION, store, tasks

app = FastAPI(title="paqueteria")
app.mount("/static", StaticFiles(directory="/app/static"), name="static")

REQUESTS = Counter("http_requests_total", "Answered requests.", ["method", "status"])
PARCELS = Gauge("parcels", "Parcels that were handed in.")


@app.middleware("http")
async def count(request: Request, call_next):
    """Counts every answer."""
    response = await call_next(request)
    REQUESTS.labels(request.method, response.status_code).inc()
    return response


@app.get("/health")
def health(response: Response):
    """200 when Redis answers a write and a read, 503 otherwise."""
    try:
        client = store.connect()
        client.set("health", "ok", ex=10)
        healthy = client.get("health") == "ok"
    except Exception:  # whatever the driver raises: the check has failed
        healthy = False
    response.status_code = 200 if healthy else 503
    return {"status": "ok" if healthy else "failed", "redis": "ok" if healthy else "failed", "version": VERSION}


@app.get("/metrics")
def metrics():
    """Numbers for Prometheus."""
    PARCELS.set(store.connect().scard("parcels"))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@app.post("/parcels/{number}", status_code=201)
def hand_in(number: int):
    """Keeps a parcel; the workers print its label and tell the receiver."""
    store.connect().sadd("parcels", number)
    tasks.sms_arrived.delay(number)
    tasks.label.delay(number)
    return {"number": number}


@app.get("/labels/{number}", response_class=PlainTextResponse)
def label(number: int):
    """The label that a worker wrote."""
    path = pathlib.Path("/app/uploads") / f"{number}.txt"
    if not path.exists():
        raise HTTPException(404, "no label yet")
    return path.read_text()


@app.get("/sms")
def sms():
    """What was sent."""
    return store.connect().lrange("sms", 0, -1)


@app.get("/heartbeats")
def heartbeats():
    """How often beat made a worker work."""
    return {"heartbeats": int(store.connect().get(store.HEARTBEATS) or 0)}


@app.get("/report")
def report():
    """Made by a worker while we wait."""
    return tasks.report.delay().get(timeout=10)
