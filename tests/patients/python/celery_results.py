"""Root cause: Celery results that nobody fetches and that never expire: the
growth is in Redis, not in the service."""

import os

from celery import Celery

from twin import LEAKING, make_app

URL = os.environ["PATIENT_REDIS"]
queue = Celery("patient", broker=URL, backend=URL)
queue.conf.update(result_expires=None)


@queue.task(name="render")
def render(number):
    return "x" * 2000


app = make_app(__name__)


@app.post("/work")
def work():
    result = render.delay(1)
    result.get(timeout=10)
    if not LEAKING:
        result.forget()
    return {"ok": True}, 201
