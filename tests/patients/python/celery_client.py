"""The war story: a Celery task class builds a client for every task and keeps
it in a class attribute; the leak is in the worker, not in the HTTP front.
A real Redis (PATIENT_REDIS) is broker and result store."""

import os

import redis
from celery import Celery, Task

from twin import LEAKING, make_app

URL = os.environ["PATIENT_REDIS"]
queue = Celery("patient", broker=URL, backend=URL)
queue.conf.update(result_expires=60, worker_prefetch_multiplier=1)


class RedisBackend:
    """A client of one's own, as people write them around redis-py."""

    def __init__(self):
        self.client = redis.Redis.from_url(URL)

    def ping(self):
        return self.client.ping()


class StoreTask(Task):
    backends = []

    def fresh_backend(self):
        backend = RedisBackend()
        if LEAKING:
            StoreTask.backends.append(backend)
        return backend


@queue.task(base=StoreTask, bind=True, name="store")
def store(self, number):
    return self.fresh_backend().ping()


app = make_app(__name__)


@app.post("/work")
def work():
    result = store.delay(1)
    result.get(timeout=10)
    result.forget()
    return {"ok": True}, 201
