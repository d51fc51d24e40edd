"""Root cause: a thread per request that waits for ever."""

import threading

from twin import LEAKING, make_app

app = make_app(__name__)
never = threading.Event()
threading.stack_size(64 * 1024)


@app.post("/work")
def work():
    done = never if LEAKING else threading.Event()
    thread = threading.Thread(target=done.wait, daemon=True)
    thread.start()
    if not LEAKING:
        done.set()
        thread.join()
    return {"ok": True}, 201
