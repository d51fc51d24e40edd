"""A trap: live data that stays the same size while its pieces change size."""

import random

from twin import make_app

app = make_app(__name__)
pieces = [b""] * 2000


@app.post("/work")
def work():
    for _ in range(20):
        pieces[random.randrange(len(pieces))] = bytes(random.randrange(64, 4096))
    return {"ok": True}, 201
