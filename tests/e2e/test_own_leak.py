"""The tool that accuses others of leaking does not leak itself.

PLATEAU_SOAK sets the number of requests (the full soak is 2,000,000)."""

import os
import subprocess
import threading
import time

import support

REQUESTS = int(os.environ.get("PLATEAU_SOAK", "300000"))


class OwnLeakTest(support.ScenarioCase):
    serial = True
    timeout = 120 + REQUESTS / 5000

    def test_rss_stays_flat(self):
        """Plateau observes the Plateau that runs the load."""
        if support.FLAVOUR != "release":
            self.skipTest("sanitizers keep freed memory on purpose")
        scenario = self.scenario(
            [], {"ok": "path = /ok?{{int 1 1000000}}\nweight = 9",
                 "order": "method = POST\npath = /orders\nbody = "
                          '{"ref": "{{uuid}}"}\nexpect = 201\nweight = 1'},
            {"rate": None, "users": "16", "think": "0ms..0ms",
             "blocks": "0", "block": None, "warmup": "3s",
             "max_time": "%ds" % max(20, REQUESTS // 10000)})
        out = os.path.join(self.folder, "load")
        load = subprocess.Popen([support.PLATEAU, "run", scenario, "--out",
                                 out], cwd=self.folder,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
        self.addCleanup(load.stdout.close)
        self.addCleanup(load.kill)
        seen = []

        def watch():
            while load.poll() is None:
                try:
                    seen.append(support.memory_of(load.pid))
                except (OSError, AssertionError):
                    return
                time.sleep(0.1)
        watcher = threading.Thread(target=watch)
        watcher.start()
        support.until(lambda: os.path.exists(os.path.join(
            out, "samples.csv")), 20, "the load's begin")
        observed = self.plateau(
            "observe", "--pid", load.pid, "--for",
            "%ds" % max(12, REQUESTS // 10000 - 6),
            timeout=self.timeout)
        said = load.communicate(timeout=self.timeout)[0].decode()
        watcher.join()
        self.assertIn(load.returncode, (0, 3), said)
        half = seen[len(seen) // 3:-5]
        self.assertLess(max(half) - half[0], 1 << 20,
                        "own memory grew: %s" % half[::20])
        self.assertIn(observed.status, (0, 3), observed.told())
        self.assertTrue([m for m in observed.verdict()["metrics"]
                         if m["judged"]], observed.told())
