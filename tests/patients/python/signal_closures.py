"""Root cause: a handler that closes over the request is connected each time."""

from twin import LEAKING, make_app

app = make_app(__name__)


class Signal:
    def __init__(self):
        self.receivers = []

    def connect(self, receiver):
        self.receivers.append(receiver)

    def disconnect(self, receiver):
        self.receivers.remove(receiver)


order_paid = Signal()


@app.post("/work")
def work():
    cart = {"items": [1, 2, 3]}

    def on_paid():
        return cart

    order_paid.connect(on_paid)
    if not LEAKING:
        order_paid.disconnect(on_paid)
    return {"ok": True}, 201
