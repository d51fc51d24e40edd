"""A trap: every request leaves a thousand objects in cycles, which the
collector takes when it comes round."""

from twin import make_app

app = make_app(__name__)


class Row:
    def __init__(self, table):
        self.table = table


@app.post("/work")
def work():
    table = {"rows": []}
    table["rows"] += [Row(table) for _ in range(1000)]
    return {"n": len(table["rows"])}, 201
