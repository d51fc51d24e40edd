"""Watching a service under somebody else's load, and numbers of its own."""

import json
import os
import sys
import textwrap
import threading
import time

import support


class Load:
    """Somebody else's load: one client, so many requests a second."""

    def __init__(self, port, path, rate, seconds):
        self.client = support.Client(port)
        self.thread = threading.Thread(target=self.run,
                                       args=(path, rate, seconds))
        self.thread.start()

    def run(self, path, rate, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.client.ask(path, max(1, rate // 50))
            except OSError:
                return
            time.sleep(0.02)

    def stop(self):
        self.thread.join()
        self.client.close()


class ObserveTest(support.Case):
    timeout = 90

    def observe(self, path, seconds, *more, leaky=()):
        server = self.leaky(*leaky)
        load = Load(server.port, path, 1000, seconds + 2)
        self.addCleanup(load.stop)
        more = [m.replace("{url}", server.url) for m in more]
        r = self.plateau("observe", "--pid", server.pid, "--for",
                         "%ds" % seconds, "--every", "100ms", *more)
        self.assertTrue(support.alive(server.pid))
        return r

    def test_leaking_service(self):
        r = self.observe("/do/leak:16K", 30)
        self.expect_status(r, 1)
        self.assertTrue([m for m in r.verdict()["metrics"]
                         if m["verdict"] == "leak"
                         and m["slope_per_hour"] > 0])

    def test_growing_type_is_named(self):
        """No requests are counted and there are no barriers: per hour."""
        script = self.write("grows.py", textwrap.dedent("""
            import time
            class Ticket:
                def __init__(self, n):
                    self.n = [n] * 20
            kept = []
            while True:
                time.sleep(0.002)
                kept.append(Ticket(len(kept)))
        """))
        r = self.plateau("observe", "--for", "40s", "--every", "250ms", "--",
                         sys.executable, script)
        self.expect_status(r, 1)
        v = r.verdict()
        growing = [t["type"] for t in v["types"] if t["significant"]]
        self.assertIn("__main__.Ticket", growing, v["types"])
        ticket = v["types"][[t["type"] for t in v["types"]].index(
            "__main__.Ticket")]
        # It sleeps at least 2 ms for each.
        self.assertGreater(ticket["count_per_hour"], 100000)
        self.assertLess(ticket["count_per_hour"], 1800000)
        self.assertIn("__main__.Ticket", r.out)
        self.assertIn("per hour", r.out)

    def test_flat_service(self):
        r = self.observe("/ok", 20)
        self.assertIn(r.status, (0, 3), r.told())
        # The load is somebody else's: there are no blocks to run more of.
        self.assertNotIn("block", r.verdict()["advice"])

    def test_endpoint_as_a_source(self):
        """The service's own count of what it holds, from /metrics."""
        r = self.observe("/do/leak:2K", 20, "--set",
                         "sample.http.app={url}/metrics", "--set",
                         "sample.only.app=leaky_live_bytes")
        values = [float(row["app_leaky_live_bytes"])
                  for row in r.rows("samples.csv")
                  if row["app_leaky_live_bytes"]]
        self.assertGreater(len(values), 5)
        self.assertGreater(values[-1], values[0])

    def test_command_as_a_source(self):
        script = self.write("m.sh", "echo answers 42\necho depth_bytes 7\n")
        r = self.observe("/ok", 5, "--set",
                         "sample.command.mine=sh %s" % script)
        rows = r.rows("samples.csv")
        self.assertIn("42", {row.get("mine_answers") for row in rows},
                      list(rows[-1]))

    def test_broken_source_is_named_and_is_no_zero(self):
        r = self.observe("/ok", 4, "--set",
                         "sample.command.bad=false")
        self.assertIn("bad", r.out + r.err + r.text("run.json"))
        for row in r.rows("samples.csv"):
            for name, value in row.items():
                if "bad" in name:
                    self.assertEqual(value, "")

    def test_source_that_cannot_start_stops_the_run(self):
        r = self.observe("/ok", 2, "--set",
                         "sample.command.bad=/no/such/program")
        self.assertIn(r.status, (2, 5), r.told())
        self.assertIn("/no/such/program", r.err)

    def test_command_is_started_and_ended(self):
        port = support.free_port()
        r = self.plateau("observe", "--for", "3s", "--every", "100ms", "--",
                         support.LEAKY, "--port", port)
        self.assertIn(r.status, (0, 3), r.told())
        self.assertEqual(support.pids_with("--port\0%d" % port), [])

    def test_service_that_ends_is_told(self):
        server = self.leaky()
        timer = threading.Timer(3, server.process.kill)
        timer.start()
        self.addCleanup(timer.join)
        r = self.plateau("observe", "--pid", server.pid, "--for", "30s",
                         "--every", "100ms", timeout=29)
        self.expect_status(r, 4)

    def test_nothing_to_observe(self):
        self.assertEqual(self.plateau("observe").status, 2)
        r = self.plateau("observe", "--pid", "nonsense")
        self.assertEqual(r.status, 2, r.told())


class JsonTest(support.ScenarioCase):
    """verdict.json keeps its schema."""

    def test_fields(self):
        r = self.plateau("run", self.scenario(["--leak", "2048"], {
            "order": "method = POST\npath = /orders\nbody = {}\n"
                     "expect = 201\nweight = 1"}))
        v = r.verdict()
        for key in ("schema", "verdict", "reason", "steady_from_s",
                    "metrics", "exit_code", "partial"):
            self.assertIn(key, v)
        for m in v["metrics"]:
            for key in ("name", "verdict", "shape", "slope_per_request",
                        "slope_per_request_low", "slope_per_request_high",
                        "slope_per_hour", "slope_per_hour_low",
                        "slope_per_hour_high",
                        "minimum_detectable_per_request", "reason"):
                self.assertIn(key, m)
            self.assertIn(m["verdict"], ("pass", "leak", "inconclusive"))
        # JSON has no NaN: everything was written as a number or null.
        json.loads(r.text("verdict.json"), parse_constant=self.fail)
        schema = os.path.join(support.ROOT, "reports", "verdict.schema.json")
        with open(schema, encoding="utf-8") as f:
            declared = json.load(f)
        self.assertEqual(set(v) - set(declared["properties"]), set())
        self.assertEqual(set(declared["required"]) - set(v), set())
