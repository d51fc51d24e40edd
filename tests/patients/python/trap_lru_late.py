"""A trap: a bounded cache that fills late, and then no more."""

import functools
import random

from twin import make_app

app = make_app(__name__)


@functools.lru_cache(maxsize=400)
def page(number):
    return ["%d" % number] * 4


@app.post("/work")
def work():
    return {"n": len(page(random.randrange(2000)))}, 201
