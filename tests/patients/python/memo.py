"""Root cause: a memo keyed by the query; it grows with distinct queries."""

import functools

from flask import request

from twin import LEAKING, make_app

app = make_app(__name__)
answers = {}


class Answer:
    def __init__(self, query):
        self.query = query


@functools.lru_cache(maxsize=64)
def bounded(query):
    return Answer(query)


def unbounded(query):
    if query not in answers:
        answers[query] = Answer(query)
    return answers[query]


@app.post("/work")
def work():
    query = request.args.get("q", "")
    answer = (unbounded if LEAKING else bounded)(query)
    return {"query": answer.query}, 201
