"""Root cause: a class variable gets a new model; the old ones stay listed."""

from twin import LEAKING, make_app

app = make_app(__name__)


class Model:
    versions = []
    current = None

    def __init__(self, number):
        self.number = number
        self.weights = [float(number)] * 8


class Registry:
    latest = Model(0)

    @classmethod
    def replace(cls):
        new = Model(cls.latest.number + 1)
        if LEAKING:
            Model.versions.append(cls.latest)
        cls.latest = new


@app.post("/work")
def work():
    Registry.replace()
    return {"version": Registry.latest.number}, 201
