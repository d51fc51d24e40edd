"""The tool that accuses others of leaking does not leak itself.

PLATEAU_SOAK sets the number of requests (the full soak is 2,000,000)."""

import csv
import os
import subprocess
import threading
import time

import support

REQUESTS = int(os.environ.get("PLATEAU_SOAK", "300000"))
ROOM = 256 << 10     # bytes that own memory may move by
SMALLEST_BLOCK = 32  # bytes that the allocator takes for one


class OwnLeakTest(support.ScenarioCase):
    serial = True
    timeout = 120 + REQUESTS / 5000

    def test_rss_stays_flat(self):
        """Plateau observes the Plateau that runs the load."""
        if support.FLAVOUR != "release":
            self.skipTest("sanitizers keep freed memory on purpose")
        seconds = max(20, REQUESTS // 10000)
        scenario = self.scenario(
            [], {"ok": "path = /ok?{{int 1 1000000}}\nweight = 9",
                 "order": "method = POST\npath = /orders\nbody = "
                          '{"ref": "{{uuid}}"}\nexpect = 201\nweight = 1'},
            {"rate": None, "users": "16", "think": "0ms..0ms",
             "blocks": "0", "block": None, "warmup": "3s",
             "max_time": "%ds" % seconds})
        out = os.path.join(self.folder, "load")
        load = subprocess.Popen([support.PLATEAU, "run", scenario, "--out",
                                 out], cwd=self.folder,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
        self.addCleanup(load.stdout.close)
        self.addCleanup(load.kill)
        support.until(lambda: os.path.exists(os.path.join(
            out, "samples.csv")), 20, "the load's begin")
        seen = []

        def watch():  # until just before the load ends: judging comes then
            end = time.monotonic() + seconds - 1
            while time.monotonic() < end:
                seen.append(support.memory_of(load.pid))
                time.sleep(0.1)
        watcher = threading.Thread(target=watch)
        watcher.start()
        observed = self.plateau(
            "observe", "--pid", load.pid, "--for",
            "%ds" % (seconds - 5),
            timeout=self.timeout)
        said = load.communicate(timeout=self.timeout)[0].decode()
        watcher.join()
        self.assertIn(load.returncode, (0, 3), said)
        self.assertGreater(len(seen), 20)
        late = seen[len(seen) // 3:]
        self.assertLess(max(late) - late[0], ROOM,
                        "own memory grew: %s" % late[::20])
        with open(os.path.join(out, "samples.csv"), encoding="utf-8") as f:
            done = float(list(csv.DictReader(f))[-1]["requests"])
        # However slow the machine: one block kept per request had shown.
        self.assertGreater(done * 2 / 3 * SMALLEST_BLOCK, ROOM)
        self.assertIn(observed.status, (0, 3), observed.told())
        self.assertTrue([m for m in observed.verdict()["metrics"]
                         if m["judged"]], observed.told())
