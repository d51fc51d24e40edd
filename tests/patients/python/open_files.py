"""Root cause: file descriptors that nobody closes."""

import os

from twin import LEAKING, make_app

app = make_app(__name__)


@app.post("/work")
def work():
    fd = os.open("/dev/null", os.O_RDONLY)
    if not LEAKING:
        os.close(fd)
    return {"fd": fd}, 201
