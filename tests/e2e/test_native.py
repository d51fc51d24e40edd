"""`--diagnose native`: after a leak the command runs once more under valgrind,
and the report says by which stack native blocks stayed."""

import json
import os
import shutil
import unittest

import support

REQUESTS = {"work": "path = /work\nweight = 1", "look": "path = /ok\nweight = 3"}


class NativeTest(support.ScenarioCase):
    serial = True
    timeout = 300
    LOAD = dict(support.ScenarioCase.LOAD, rate="1000/s", block="500 requests")

    def leaking(self):
        return self.scenario(["--on", "/work=leak:512", "--on",
                              "/ok=churn:64"], REQUESTS)

    @unittest.skipUnless(shutil.which("valgrind"), "no valgrind here")
    def test_the_stack_is_named(self):
        r = self.plateau("run", self.leaking(), "--diagnose", "native")
        self.expect_status(r, 1)
        native = json.loads(r.text("diagnosis.json"))["native"]
        self.assertEqual(native["tool"], "valgrind memcheck")
        self.assertGreaterEqual(native["requests"], 100)
        # Only the leaking kind was sent: each of its requests keeps a block.
        site = native["sites"][0]
        self.assertIn("effect_memory.c", site["where"])
        self.assertIn("route_answer", site["trace"])
        self.assertAlmostEqual(site["count_per_request"], 1, delta=0.02)
        self.assertAlmostEqual(site["bytes_per_request"], 512, delta=20)
        for text in (r.out, r.text("report.html"), r.text("verdict.json")):
            self.assertIn("effect_memory.c", text)
        # Nothing of it was measured, and nothing is left of it.
        self.assertEqual(int(r.rows("barriers.csv")[-1]["block"]),
                         len(r.rows("barriers.csv")) - 1)
        self.assertFalse(support.pids_with(str(self.port)))

    @unittest.skipUnless(shutil.which("valgrind"), "no valgrind here")
    def test_its_time_is_bounded(self):
        """A service that is never ready the second time."""
        self.scenario([])
        once = os.path.join(self.folder, "once")
        start = self.write("start.sh", """#!/bin/sh
[ -e %s ] && exec sleep 3600
: > %s
exec %s --port %d --on /work=leak:512 --on /ok=churn:64
""" % (once, once, support.LEAKY, self.port))
        port = self.port
        path = self.scenario([], REQUESTS, command="/bin/sh " + start)
        with open(path, encoding="utf-8") as f:
            text = f.read().replace(str(self.port), str(port))
        r = self.plateau("run", self.write("again.ini", text), "--diagnose",
                         "native", "--set", "verdict.diagnose_time=3s")
        self.expect_status(r, 1)
        found = json.loads(r.text("diagnosis.json"))
        self.assertEqual(found["native"]["sites"], [])
        self.assertLess(found["native"]["seconds"], 9 + 15 * support.SLOW)
        self.assertRegex(" ".join(found["notes"]), "valgrind came to nothing")

    def test_without_the_tool(self):
        r = self.plateau("run", self.leaking(), "--diagnose", "native",
                         env={"PATH": self.folder})
        self.expect_status(r, 1)
        self.assertIn("no native pass after a leak: valgrind is not installed",
                      r.err)
        self.assertRegex(" ".join(json.loads(
            r.text("diagnosis.json"))["notes"]), "valgrind is not installed")

    def test_not_without_a_leak(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/work=churn:512", "--on", "/ok=churn:64"], REQUESTS),
            "--diagnose", "native")
        self.expect_status(r, 0)
        self.assertFalse(os.path.exists(r.path("diagnosis.json")))


if __name__ == "__main__":
    unittest.main()
