"""Root cause: reference cycles in a process whose collector is off."""

import gc

from twin import LEAKING, make_app

app = make_app(__name__)
if LEAKING:
    gc.disable()


class Node:
    def __init__(self):
        self.me = self


@app.post("/work")
def work():
    Node()
    return {"ok": True}, 201
