"""A trap: a service that writes files; the kernel caches their pages."""

import os
import tempfile

from twin import make_app

app = make_app(__name__)
folder = tempfile.mkdtemp(prefix="plateau-patient-")
path = os.path.join(folder, "data.%d" % os.getpid())


@app.post("/work")
def work():
    with open(path, "ab") as f:
        f.write(b"x" * 16384)
        if f.tell() > 64 << 20:
            f.truncate(0)
    return {"ok": True}, 201
