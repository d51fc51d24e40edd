"""Starts both halves of a Celery patient as one service: the worker, and
gunicorn in front. Ends the worker when it is told to end.

usage: celery_both.py MODULE PORT
"""

import os
import signal
import subprocess
import sys


def main():
    module, port = sys.argv[1], sys.argv[2]
    here = os.path.dirname(sys.executable)
    # The worker remembers its last tasks, 1,000 of them if it is not told
    # otherwise: a cache that would still fill when a run of ours ends.
    os.environ.setdefault("CELERY_WORKER_SUCCESSFUL_MAX", "20")
    worker = subprocess.Popen(
        [os.path.join(here, "celery"), "-A", module + ".queue", "worker",
         "--concurrency", "1", "--loglevel", "WARNING", "--without-gossip",
         "--without-mingle", "--without-heartbeat"])
    front = subprocess.Popen(
        [os.path.join(here, "gunicorn"), "--workers", "1", "--threads", "4",
         "--bind", "127.0.0.1:" + port, "--log-level", "warning",
         module + ":app"])

    def end(_signum, _frame):
        front.terminate()
        worker.terminate()

    signal.signal(signal.SIGTERM, end)
    front.wait()
    worker.terminate()
    worker.wait()


if __name__ == "__main__":
    main()
