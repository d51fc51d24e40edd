"""Root cause: a global dict keyed by request id; nobody deletes the entry."""

import itertools

from twin import LEAKING, make_app

app = make_app(__name__)
ids = itertools.count(1)
in_flight = {}


class RequestState:
    def __init__(self, number):
        self.number = number
        self.steps = ["received"]


@app.post("/work")
def work():
    number = next(ids)
    in_flight[number] = RequestState(number)
    in_flight[number].steps.append("answered")
    if not LEAKING:
        del in_flight[number]
    return {"id": number}, 201
