"""Root cause: bytes that pile up in a list; the collector does not see them."""

import os
from twin import LEAKING, make_app
app = make_app(__name__)
blobs = []

@app.post("/work")
def work():
    blob = os.urandom(100)
    if LEAKING:
        blobs.append(blob)
    return {"n": len(blob)}, 201
