"""Root cause: a connection is checked out of the pool for each order and given
back at the end, but not where the handler returns early. max_overflow=-1, a
popular answer to "QueuePool limit reached", lets it go on until PostgreSQL
has no room. PATIENT_DATABASE names a real PostgreSQL database."""

import itertools
import os

from sqlalchemy import create_engine, text

from twin import LEAKING, make_app

app = make_app(__name__)
engine = create_engine(os.environ["PATIENT_DATABASE"], pool_size=2,
                       max_overflow=-1)
ids = itertools.count(1)
in_use = {}


@app.post("/work")
def work():
    number = next(ids)
    in_use[number] = engine.connect()
    stock = in_use[number].execute(text("SELECT :n % 8"),
                                   {"n": number}).scalar()
    if stock == 0 and LEAKING:
        return {"id": number, "sold_out": True}, 201
    in_use.pop(number).close()
    return {"id": number, "sold_out": stock == 0}, 201
