"""A small shop under gunicorn. This twin forgets an order once it is answered."""

import itertools
import os

from flask import Flask, jsonify, request

app = Flask(__name__)
numbers = itertools.count(1)

# Bytes that an order carries: 0 keeps one small object per order, 2048 keeps
# about 2 KiB.
PAYLOAD = int(os.environ.get("SHOP_PAYLOAD", "0"))


class Order:
    """What a customer bought."""

    def __init__(self, number, sku, quantity):
        self.number = number
        self.sku = sku
        self.quantity = quantity
        self.receipt = bytes(PAYLOAD)


@app.get("/health")
def health():
    return "ok\n"


@app.get("/products/<int:number>")
def product(number):
    return jsonify(id=number, name="product %d" % number, price="9.99")


@app.post("/orders")
def orders():
    wanted = request.get_json()
    order = Order(next(numbers), wanted["sku"], wanted.get("quantity", 1))
    return jsonify(id=order.number, sku=order.sku), 201
