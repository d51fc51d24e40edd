"""Root cause: one requests.Session for all; every answer adds a cookie."""

import itertools

import requests

from twin import LEAKING, make_app

app = make_app(__name__)
ids = itertools.count(1)
session = requests.Session()


@app.post("/work")
def work():
    jar = session.cookies if LEAKING else requests.cookies.RequestsCookieJar()
    jar.set("visit%d" % next(ids), "1", domain="shop.example", path="/")
    return {"cookies": True}, 201
