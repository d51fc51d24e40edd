"""Runtimes other than CPython, by what they tell of themselves."""

import os
import shutil
import subprocess
import unittest

import support

OTHER = os.path.join(support.ROOT, "tests", "patients", "other")

SCENARIO = """\
[scenario]
name = go-%(twin)s

[target]
url     = http://127.0.0.1:%(port)d
command = %(service)s %(port)d %(arguments)s
ready   = GET /health within 30s
env.PATIENT_TWIN = %(twin)s

[load]
rate        = 400/s
connections = 8
warmup      = 400 requests
blocks      = 8
block       = 400 requests
settle      = 300ms
max_time    = 100s

[request browse]
path   = /browse/{{int 1 500}}
weight = 2

[request work]
method = POST
path   = /work
expect = 201
weight = 1

[sample]
every   = 500ms
python  = off
http.go = http://127.0.0.1:%(port)d/debug/vars
"""


class GoTest(support.Case):
    timeout = 400

    def build(self):
        """The service, compiled once; the compiler's cache is ours."""
        if shutil.which("go") is None:
            raise unittest.SkipTest("no go")
        folder = os.path.join(support.ROOT, "build", "patients", "go")
        os.makedirs(folder, exist_ok=True)
        out = os.path.join(folder, "service-%d" % os.getpid())
        self.addCleanup(lambda: os.path.exists(out) and os.remove(out))
        done = subprocess.run(
            ["go", "build", "-o", out, os.path.join(OTHER, "service.go")],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=250, env=dict(
                os.environ, CGO_ENABLED="0", GO111MODULE="off",
                GOTOOLCHAIN="local", GOFLAGS="",
                GOCACHE=os.path.join(folder, "cache")))
        self.assertEqual(done.returncode, 0, done.stdout)
        return out

    def judge(self, twin, *arguments, more=()):
        path = self.write("go.ini", SCENARIO % {
            "twin": twin, "port": support.free_port(),
            "service": self.build(), "arguments": " ".join(arguments)})
        return self.plateau("run", path, *more, timeout=120)

    def test_goroutines_that_wait_for_ever(self):
        r = self.judge("leaking")
        self.expect_status(r, 1)
        for metric, least, most in (("go_goroutines", 0.95, 1.05),
                                    ("go_heap_objects", 1, 8)):
            self.assertEqual(r.metric(metric)["verdict"], "leak", r.told())
            self.assertTrue([b for b in r.verdict()["blames"]
                             if b["named"] and b["kind"] == "work" and
                             b["metric"] == metric and
                             least < b["slope"] < most], r.told())

    def test_goroutines_that_end(self):
        r = self.judge("fixed")
        self.assertNotEqual(r.verdict()["verdict"], "leak", r.told())
        # Collected at each barrier: what is left is nothing per request.
        self.assertLess(r.metric("go_heap_objects")["slope_per_request"], 1,
                        r.told())

    def test_garbage_that_nobody_collects(self):
        """Without pprof the heap is a sawtooth: named, and never a leak."""
        r = self.judge("fixed", "no-pprof")
        self.assertNotEqual(r.verdict()["verdict"], "leak", r.told())
        self.assertEqual(len([n for n in r.verdict()["notes"]
                              if "net/http/pprof" in n]), 1, r.told())

    def test_garbage_before_the_first_collection(self):
        """It rises in as straight a line as a leak."""
        r = self.judge("fixed", "no-pprof", more=(
            "--set", "load.block=100 requests", "--set",
            "load.warmup=100 requests"))
        self.expect_status(r, 3)
        self.assertIn("the collector ran in", r.metric(
            "go_heap_objects")["reason"].lower(), r.told())
        self.assertEqual([b for b in r.verdict()["blames"] if b["named"]], [],
                         r.told())


if __name__ == "__main__":
    unittest.main()
