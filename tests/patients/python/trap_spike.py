"""A trap: a 30 MiB spike of temporary objects now and then."""

import itertools

from twin import make_app

app = make_app(__name__)
count = itertools.count(1)


@app.post("/work")
def work():
    if next(count) % 400 == 50:
        spike = [b"x" * 1000 for _ in range(30000)]
        return {"spike": len(spike)}, 201
    return {"spike": 0}, 201
