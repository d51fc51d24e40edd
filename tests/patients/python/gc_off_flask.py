"""Root cause: the collector is off, and the framework makes cycles in every
request: all of them leak, none makes a thing of its own."""

import gc

from twin import LEAKING, make_app

app = make_app(__name__)
if LEAKING:
    gc.disable()


@app.post("/work")
def work():
    return {"ok": True}, 201
