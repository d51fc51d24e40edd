"""The target's life: started, awaited, watched, and never left behind."""

import json
import os
import signal
import subprocess
import time

import support
from support import LEAKY, PLATEAU


class LifeTest(support.ScenarioCase):
    STOP = "end"
    SHORT = {"blocks": "4", "block": "500 requests"}

    def assert_gone(self):
        left = support.pids_with("--port %d" % self.port)
        left += support.pids_with("--port\0%d" % self.port)
        self.assertEqual(left, [], "the target was left behind")

    def failed_target(self, *words, **scenario):
        """Runs; the target fails: exit 4, said in words, nothing left."""
        r = self.plateau("run", self.scenario(**scenario))
        self.expect_status(r, 4)
        said = (r.out + r.err).lower()
        self.assertTrue(any(w in said for w in words), r.told())
        self.assertNotIn("PASS", r.out)
        self.assert_gone()
        return r

    def test_not_ready_in_time(self):
        self.failed_target("ready", command="%s --silent --port 0" % LEAKY,
                           target="")

    test_not_ready_in_time.timeout = 60

    def test_never_healthy(self):
        began = time.monotonic()
        path = self.scenario(["--ready-after", "600000"])
        with open(path, encoding="utf-8") as f:
            text = f.read().replace("within 10s", "within 1s")
        r = self.plateau("run", self.write("short.ini", text))
        self.expect_status(r, 4)
        self.assertLess(time.monotonic() - began, 15 * support.SLOW)
        self.assert_gone()

    def test_ends_at_once(self):
        self.failed_target("exit", "ended", command="%s --exit 7" % LEAKY)

    def test_no_such_command(self):
        r = self.plateau("run", self.scenario(command="/no/such/program"))
        self.assertIn(r.status, (2, 4), r.told())
        self.assertIn("/no/such/program", r.out + r.err)

    def test_dies_in_mid_run(self):
        for how in ("exit", "segv", "kill"):
            r = self.failed_target(
                "exit", "signal", "died", "ended", "killed",
                leaky=["--on", "/ok=die:1500:" + how], load=self.SHORT)
            self.assertTrue(r.verdict()["target_failed"])

    def test_storm_of_errors(self):
        self.failed_target("error", "500",
                           leaky=["--on", "/ok=status:500"], load=self.SHORT)
        self.failed_target("error",
                           leaky=["--on", "/ok=reset:3"], load=self.SHORT)

    def test_few_errors_are_counted_and_tolerated(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/ok=status:500:400"], load={"max_errors": "1%"}))
        self.expect_status(r, 0)
        self.assertGreaterEqual(r.verdict()["errors"], 15)

    def test_address_in_use_by_another(self):
        other = self.leaky()
        path = self.scenario()
        with open(path, encoding="utf-8") as f:
            text = f.read().replace(str(self.port), str(other.port))
        r = self.plateau("run", self.write("taken.ini", text))
        self.expect_status(r, 4)
        self.assertIn(str(other.port), r.out + r.err)
        self.assertEqual(support.ask(other.port, "/stats")[0], 200)

    def test_what_it_says_is_kept(self):
        r = self.plateau("run", self.scenario(["--noise", "3"],
                                              load=self.SHORT))
        logs = [n for n in os.listdir(r.directory) if n.endswith(".log")]
        self.assertTrue(logs, os.listdir(r.directory))
        for stream in ("stdout", "stderr"):
            self.assertIn("line 3 of chatter on " + stream, r.text(logs[0]))
        self.assertNotIn("chatter", r.out)

    def test_stubborn_and_orphaned_processes_are_ended(self):
        r = self.plateau("run", self.scenario(
            ["--ignore-term", "--orphan", "4M", "--workers", "2"],
            target="stop_grace = 1s", load=self.SHORT))
        self.assertIn(r.status, (0, 3), r.told())
        self.assert_gone()

    def test_orphan_and_workers_belong_to_the_target(self):
        r = self.plateau("run", self.scenario(
            ["--orphan", "64M", "--workers", "2"], load=self.SHORT))
        pids = {row["pid"] for row in r.rows("processes.csv")}
        self.assertEqual(len(pids), 4, r.rows("processes.csv")[-8:])
        rss = [float(row["rss_bytes"]) for row in r.rows("samples.csv")
               if row["rss_bytes"]]
        self.assertGreater(rss[-1], 64 << 20)

    def test_recycled_workers_are_told_apart(self):
        r = self.plateau("run", self.scenario(
            ["--workers", "2", "--recycle", "600"], load=self.SHORT))
        keys = {(row["pid"], row["start"]) for row in r.rows("processes.csv")}
        self.assertGreaterEqual(len(keys), 4)
        starts = [float(row["proc_starts"]) for row in r.rows("samples.csv")
                  if row["proc_starts"]]
        self.assertGreater(starts[-1], starts[0])


class KilledHarnessTest(support.ScenarioCase):
    STOP = "end"

    def begin(self, leaky=(), load=None, table="barriers.csv", rows=7):
        """A run under way, so many rows in a table: (process, directory)."""
        scenario = self.scenario(["--leak", "2048"] + list(leaky), {
            "order": "method = POST\npath = /orders\nbody = {}\n"
                     "expect = 201\nweight = 1"}, load or {"blocks": "60"})
        out = os.path.join(self.folder, "run")
        child = subprocess.Popen([PLATEAU, "run", scenario, "--out", out],
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, cwd=self.folder)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)

        def under_way():
            if child.poll() is not None:
                raise AssertionError("ended: %r" % child.stdout.read())
            try:
                with open(os.path.join(out, table), encoding="utf-8") as f:
                    return f.read().count("\n") >= rows
            except FileNotFoundError:
                return False
        support.until(under_way, 60, "%d rows in %s" % (rows, table))
        return child, out

    def gone(self):
        support.until(
            lambda: not support.pids_with("--port\0%d" % self.port), 15,
            "the target's end")

    def test_sigkill(self):
        for leaky in ((), ("--ignore-term", "--workers", "2",
                           "--orphan", "1M")):
            child, out = self.begin(leaky)
            child.kill()
            child.wait()
            self.gone()
            r = self.plateau("analyze", out, "--json")
            self.assertIn(r.status, (1, 3), r.told())
            v = json.loads(r.out)
            self.assertTrue(v["partial"], v)
            self.assertIn(v["verdict"], ("leak", "inconclusive"))
            r = self.plateau("analyze", out)
            self.assertIn("partial", (r.out + r.err).lower())
            support.shutil.rmtree(out)

    def test_interrupt(self):
        child, out = self.begin()
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=30 * support.SLOW)[0].decode()
        self.assertEqual(child.returncode, 128 + signal.SIGINT, said)
        self.gone()
        with open(os.path.join(out, "verdict.json"), encoding="utf-8") as f:
            v = json.load(f)
        self.assertEqual(v["end"], "interrupted")
        self.assertEqual(v["signal"], signal.SIGINT)

    def pending(self, pid, signum):
        """Sent to the process, and not handed to it yet."""
        with open("/proc/%d/status" % pid, encoding="ascii") as f:
            masks = [int(line.split()[1], 16) for line in f
                     if line.startswith(("SigPnd:", "ShdPnd:"))]
        return any(mask >> (signum - 1) & 1 for mask in masks)

    def test_second_interrupt_leaves_at_once(self):
        # Every answer takes 40 s: draining would.
        child, _ = self.begin(["--on", "/orders=slow:40000"],
                              {"rate": "50/s", "timeout": "60s"},
                              "samples.csv", 15)
        child.send_signal(signal.SIGINT)
        # Two signals, not one: they would merge.
        support.until(lambda: not self.pending(child.pid, signal.SIGINT), 20,
                      "the first signal to be taken")
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        child.wait(timeout=30)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(child.returncode, 128 + signal.SIGINT)
        self.gone()

    def test_terminate(self):
        child, _ = self.begin()
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30 * support.SLOW)
        self.assertEqual(child.returncode, 128 + signal.SIGTERM)
        self.gone()


class AttachTest(support.ScenarioCase):
    LOAD = dict(support.ScenarioCase.LOAD, blocks="6")

    def attach(self, key, value, expected=1):
        path = self.scenario(command="", target="%s = %s" % (key, value),
                             requests={"o": "method = POST\npath = /orders\n"
                                            "body = {}\nexpect = 201\n"
                                            "weight = 1"})
        with open(path, encoding="utf-8") as f:
            text = f.read().replace(":%d" % self.port,
                                    ":%d" % self.server.port)
        r = self.plateau("run", self.write("attach.ini", text))
        self.expect_status(r, expected)
        self.assertTrue(support.alive(self.server.pid),
                        "an attached target was ended")
        return r

    def test_pid_pidfile_and_port(self):
        self.server = self.leaky("--leak", "2048")
        self.attach("pid", self.server.pid)
        self.attach("pidfile", self.write("pid", "%d\n" % self.server.pid))
        self.attach("port", self.server.port)

    def test_pid_that_does_not_exist(self):
        self.server = self.leaky()
        child = subprocess.Popen(["true"])
        child.wait()
        self.attach("pid", child.pid, expected=4)
