"""Root cause: errors are kept for a status page, and with each its traceback,
the frames and all they refer to. The requests answer 500, as expected."""

import collections

from twin import LEAKING, make_app

app = make_app(__name__)
failures = collections.deque(maxlen=None if LEAKING else 20)


class Basket:
    def __init__(self):
        self.items = ["sku-%d" % i for i in range(3)]


def charge(basket):
    raise ValueError("card declined for %d items" % len(basket.items))


@app.post("/work")
def work():
    try:
        charge(Basket())
    except ValueError as error:
        failures.append(error)
        return {"error": str(error)}, 500
    return {"ok": True}, 201
