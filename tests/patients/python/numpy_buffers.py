"""Root cause: numpy views that keep their large base arrays alive."""

import numpy

from twin import LEAKING, make_app

app = make_app(__name__)
samples = []


@app.post("/work")
def work():
    buffer = numpy.ones(2048)
    if LEAKING:
        samples.append(buffer[:4])
    return {"mean": float(buffer.mean())}, 201
