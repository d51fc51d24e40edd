"""Root cause: a list of past requests that is only ever appended to."""

from twin import LEAKING, make_app

app = make_app(__name__)
history = []


class Visit:
    def __init__(self, path):
        self.path = path


@app.post("/work")
def work():
    visit = Visit("/work")
    if LEAKING:
        history.append(visit)
    return {"seen": visit.path}, 201
