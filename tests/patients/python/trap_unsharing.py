"""A trap: workers forked from a loaded parent un-share its pages by reading
them (reference counts are written). Run with --preload."""

import itertools

from twin import make_app

app = make_app(__name__)
shared = [["%d" % i, str(i * 7)] for i in range(120000)]
position = itertools.count()


@app.post("/work")
def work():
    start = (next(position) * 40) % len(shared)
    kept = [row[0] for row in shared[start:start + 40]]
    return {"n": len(kept)}, 201
