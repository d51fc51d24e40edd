"""What every Flask patient has: which twin it is, and innocent routes."""

import os

from flask import Flask, jsonify, request

LEAKING = os.environ.get("PATIENT_TWIN", "leaking") == "leaking"


def make_app(name):
    """A service with a health page and two routes that keep nothing."""
    app = Flask(name)

    @app.get("/health")
    def health():
        return "ok\n"

    @app.get("/browse/<int:number>")
    def browse(number):
        return jsonify(id=number, tags=["a", "b"], price="9.99")

    @app.get("/search")
    def search():
        words = request.args.get("q", "").split()
        return jsonify(found=[w.upper() for w in words])

    return app
