"""Root cause: reference cycles in a process whose collector is off. Without a
framework: those make cycles of their own in every request (gc_off_flask)."""

import gc
import os

LEAKING = os.environ.get("PATIENT_TWIN", "leaking") == "leaking"

if LEAKING:
    gc.disable()


class Node:
    def __init__(self):
        self.me = self


def app(environ, start_response):
    status = "200 OK"
    if environ["PATH_INFO"] == "/work":
        Node()
        status = "201 Created"
    start_response(status, [("Content-Length", "3")])
    return [b"ok\n"]
