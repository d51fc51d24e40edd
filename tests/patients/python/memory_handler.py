"""Root cause: a logging MemoryHandler whose target is never set."""

import logging
import logging.handlers

from twin import LEAKING, make_app

app = make_app(__name__)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.propagate = False
# Without a target, flush() keeps the records: the buffer only grows.
handler = logging.handlers.MemoryHandler(
    capacity=25, target=None if LEAKING else logging.NullHandler())
log.addHandler(handler)


@app.post("/work")
def work():
    log.info("order taken")
    return {"ok": True}, 201
