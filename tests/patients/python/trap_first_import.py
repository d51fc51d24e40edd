"""A trap: the first hit imports a large package; later ones do not."""

from twin import make_app

app = make_app(__name__)


@app.post("/work")
def work():
    import decimal
    import email.mime.multipart
    import sqlite3
    import xml.dom.minidom

    return {"v": sqlite3.sqlite_version, "d": str(decimal.Decimal(1)),
            "m": email.mime.multipart.__name__,
            "x": xml.dom.minidom.__name__}, 201
