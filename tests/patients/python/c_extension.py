"""Root causes in a C extension: PATIENT_CAUSE = decref (an object whose
reference is never given back) or malloc (a block that is never freed)."""

import os

import patient_ext

from twin import LEAKING, make_app

app = make_app(__name__)
cause = os.environ.get("PATIENT_CAUSE", "malloc")


@app.post("/work")
def work():
    if cause == "malloc":
        patient_ext.keep_block(512, LEAKING)
    else:
        patient_ext.keep_object(LEAKING)
    return {"ok": True}, 201
