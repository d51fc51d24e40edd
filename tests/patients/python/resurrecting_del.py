"""Root cause: a __del__ that puts the object back into the living."""

from twin import LEAKING, make_app

app = make_app(__name__)
graveyard = []


class Connection:
    def __del__(self):
        if LEAKING:
            graveyard.append(self)


@app.post("/work")
def work():
    Connection()
    return {"ok": True}, 201
