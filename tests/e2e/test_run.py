"""The main line: run, judge, report, with the exit codes and the outputs
that PRODUCT promises."""

import json
import math
import os
import re
import xml.etree.ElementTree as ElementTree

import support

ARTIFACTS = """scenario.ini run.json samples.csv processes.csv barriers.csv
    requests.csv events.ndjson verdict.json summary.md junit.xml report.html
    latency.hgrm latency.hlog""".split()

SHOP = {"browse": "path = /products/{{int 1 50}}\nweight = 8",
        "order": "method = POST\npath = /orders\nbody = {}\nexpect = 201\n"
                 "weight = 2"}


class RunTest(support.ScenarioCase):
    STOP = "end"

    def test_leak(self):
        scenario = self.scenario(["--leak", "2048"], SHOP)
        r = self.plateau("run", scenario)
        self.expect_status(r, 1)
        first = r.out.lstrip().splitlines()[0]
        self.assertTrue(first.startswith("LEAK"), r.told())
        self.assertIn("order", r.out)
        self.assertIn("report.html", r.out)
        v = r.verdict()
        self.assertEqual((v["verdict"], v["exit_code"]), ("leak", 1))
        slope = self.leak_of(r, "order")
        self.assertAlmostEqual(slope, 2048, delta=205)

    def test_artifacts(self):
        r = self.plateau("run", self.scenario(["--leak", "2048"], SHOP))
        self.expect_status(r, 1)
        for name in ARTIFACTS:
            self.assertTrue(os.path.getsize(r.path(name)) > 0, name)
        self.assertTrue([n for n in os.listdir(r.path("plots"))
                         if n.endswith(".svg")])
        left = [n for n in os.listdir(r.directory) if "tmp" in n]
        self.assertEqual(left, [])
        for case in ElementTree.parse(r.path("junit.xml")).iter("testcase"):
            if case.find("failure") is not None:
                break
        else:
            self.fail("no failure in junit.xml:\n" + r.text("junit.xml"))
        self.assertIn("LEAK", r.text("summary.md").upper())
        rows = r.rows("barriers.csv")
        self.assertEqual([int(row["block"]) for row in rows],
                         list(range(9)))
        # Whatever was counted was counted once, and all of it is there.
        done = [float(row["requests"]) for row in rows]
        self.assertEqual(done[-1] - done[0], 8000)
        per_kind = sum(float(rows[-1][k]) for k in rows[-1]
                       if k.startswith("requests:"))
        self.assertEqual(per_kind, done[-1])
        events = [json.loads(line) for line in
                  r.text("events.ndjson").splitlines()]
        self.assertTrue(events)
        self.again(r)

    def again(self, r):
        """analyze and report read the directory back: the same verdict."""
        a = self.plateau("analyze", r.directory, "--json")
        self.expect_status(a, 1)
        mine, theirs = json.loads(a.out), r.verdict()
        for key in ("verdict", "reason", "metrics", "blames"):
            self.assertEqual(mine[key], theirs[key], key)
        before = {n: r.text(n) for n in ("verdict.json", "summary.md",
                                         "junit.xml", "report.html")}
        self.expect_status(self.plateau("report", r.directory), 0)
        for name, text in before.items():
            self.assertEqual(r.text(name), text, name)

    def test_flat_passes_with_its_power(self):
        r = self.plateau("run", self.scenario([], SHOP))
        self.expect_status(r, 0)
        self.assertTrue(r.out.lstrip().startswith("PASS"), r.told())
        judged = [m for m in r.verdict()["metrics"] if m["judged"]]
        self.assertTrue(judged)
        for m in judged:
            self.assertEqual(m["verdict"], "pass", m)
            least = m["minimum_detectable_per_request"]
            self.assertTrue(least is not None and math.isfinite(least)
                            and least >= 0, m)
        self.assertRegex(r.out, r"\d B per request")

    def test_json_is_one_document(self):
        r = self.plateau("run", self.scenario(["--leak", "2048"], SHOP),
                         "--json")
        self.expect_status(r, 1)
        self.assertEqual(json.loads(r.out)["verdict"], "leak")

    def test_quiet_says_nothing_but_the_result(self):
        r = self.plateau("run", self.scenario([], SHOP), "--quiet")
        self.expect_status(r, 0)
        self.assertEqual(r.err, "")

    def test_verbose_tells_each_event(self):
        r = self.plateau("run", self.scenario(load={"blocks": "3"}),
                         "--verbose")
        self.assertIn(r.status, (0, 3), r.told())
        told = [re.sub(r"^plateau: [\d.]+ s  ", "", line)
                for line in r.err.splitlines()]
        for event in map(json.loads, r.text("events.ndjson").splitlines()):
            pid = " %d" % event["pid"] if event["pid"] else ""
            self.assertIn("%s%s %s" % (event["event"], pid, event["detail"]),
                          told)

    def test_colours(self):
        scenario = self.scenario(["--leak", "2048"], SHOP,
                                 load={"blocks": "6"})
        r = self.plateau("run", scenario, "--color", "always")
        self.assertIn("\x1b[", r.out)
        for more, env in (([], {}), (["--color", "never"], {}),
                          ([], {"NO_COLOR": "1"})):
            r = self.plateau("report", r.directory, *more, env=env)
            self.assertNotIn("\x1b[", r.out + r.err)

    def test_sparse_progress_off_a_terminal(self):
        r = self.plateau("run", self.scenario([], SHOP))
        lines = r.err.splitlines()
        self.assertTrue(any("warm" in line for line in lines), r.told())
        self.assertLess(len(lines), 40, r.told())
        self.assertNotIn("\r", r.err)

    def test_sets_win_over_the_file(self):
        r = self.plateau("run", self.scenario([], SHOP), "--set",
                         "load.blocks=5", "--set", "load.block=500 requests",
                         "--set", "scenario.name=renamed")
        self.assertEqual(len(r.rows("barriers.csv")), 6, r.told())
        self.assertIn("renamed", r.text("scenario.ini"))

    def test_own_names_for_run_directories(self):
        scenario = self.scenario([], SHOP, load={"blocks": "2",
                                                 "block": "200 requests"})
        argv = ["run", scenario, "--out", os.path.join(self.folder, "a/b")]
        self.plateau(*argv)
        self.assertTrue(os.path.exists(os.path.join(self.folder,
                                                    "a/b/verdict.json")))
        # Never on top of another run.
        self.assertIn(self.plateau(*argv).status, (2, 5))

    def test_inconclusive_tells_what_is_missing(self):
        r = self.plateau("run", self.scenario(["--leak", "64"], SHOP, load={
            "blocks": "2", "block": "50 requests", "warmup": "100ms"}))
        self.expect_status(r, 3)
        self.assertTrue(r.out.lstrip().startswith("INCONCLUSIVE"), r.told())
        self.assertRegex(r.out + r.verdict()["reason"],
                         r"\d[\d,]* more|more (requests|minutes|time|blocks)")

    def test_metric_that_does_not_exist_never_passes(self):
        r = self.plateau("run", self.scenario(
            [], SHOP, more="[verdict]\nrequire = no_such_metric"))
        self.assertIn(r.status, (2, 3), r.told())

    def test_without_gnuplot(self):
        """A notice, no plots, the same verdict and exit code."""
        path = os.path.join(self.folder, "bin")
        os.makedirs(path)
        r = self.plateau("run", self.scenario(["--leak", "2048"], SHOP),
                         env={"PATH": path})
        self.expect_status(r, 1)
        self.assertIn("gnuplot", r.err)
        self.assertEqual(r.verdict()["verdict"], "leak")
        self.assertIn("<html", r.text("report.html"))


class AnalyzeCsvTest(support.Case):
    def csv(self, name, columns, rows):
        return self.write(name, "\n".join(
            [",".join(columns)] + [",".join(str(c) for c in row)
                                   for row in rows]) + "\n")

    def analyze(self, path, *more):
        r = self.plateau("analyze", path, "--json", *more)
        return r, json.loads(r.out) if r.out.strip() else None

    def noise(self, i):
        return (i * 7919) % 13 * 4096

    def test_leak(self):
        r, v = self.analyze(self.csv(
            "leak.csv", ["t_s", "requests", "rss_bytes"],
            [(i, i * 100, 50000000 + i * 100 * 1000 + self.noise(i))
             for i in range(600)]))
        self.expect_status(r, 1)
        m = v["metrics"][0]
        self.assertEqual((v["verdict"], m["name"], m["verdict"]),
                         ("leak", "rss_bytes", "leak"))
        self.assertAlmostEqual(m["slope_per_request"], 1000, delta=60)
        self.assertAlmostEqual(m["slope_per_hour"] / 3.6e8, 1, delta=0.06)
        self.assertLessEqual(m["slope_per_request_low"],
                             m["slope_per_request"])

    def test_flat(self):
        r, v = self.analyze(self.csv(
            "flat.csv", ["t_s", "requests", "rss_bytes"],
            [(i, i * 100, 50000000 + self.noise(i)) for i in range(600)]))
        self.expect_status(r, 0)
        self.assertEqual(v["metrics"][0]["verdict"], "pass")
        self.assertGreater(
            v["metrics"][0]["minimum_detectable_per_request"], 0)

    def test_nothing_never_passes(self):
        for name, columns, rows in (
                ("empty.csv", ["t_s", "rss_bytes"], []),
                ("nan.csv", ["t_s", "rss_bytes"],
                 [(i, "") for i in range(300)]),
                ("text.csv", ["t_s", "note"], [(i, "x") for i in range(300)]),
                ("short.csv", ["t_s", "rss_bytes"],
                 [(i, 1000000) for i in range(3)])):
            r, _ = self.analyze(self.csv(name, columns, rows))
            self.assertIn(r.status, (2, 3), name + "\n" + r.told())
        r, _ = self.analyze(self.write("not.csv", "\x00\x01\x02"))
        self.assertEqual(r.status, 2, r.told())
        r, _ = self.analyze(os.path.join(self.folder, "missing.csv"))
        self.assertEqual(r.status, 2, r.told())


class CommandLineTest(support.Case):
    def test_version_names_the_libraries(self):
        r = self.plateau("--version")
        self.expect_status(r, 0)
        for word in ("plateau", "libuv", "libcurl", "inih"):
            self.assertIn(word, r.out)

    def test_help(self):
        r = self.plateau("--help")
        self.expect_status(r, 0)
        for command in ("run", "observe", "analyze", "report", "check",
                        "demo"):
            self.assertRegex(r.out, r"\b%s\b" % command)
            h = self.plateau(command, "--help")
            self.expect_status(h, 0)
            self.assertIn("plateau " + command, h.out)
            # Examples come before the flags.
            self.assertLess(h.out.find("Examples"), h.out.find("--json"))

    def test_usage_errors(self):
        for argv, word in ((["runn"], "run"), (["run"], "scenario"),
                           (["run", "--nope"], "--nope"),
                           (["run", "x.ini", "--josn"], "--json"),
                           (["analyze"], ""), ([], "")):
            r = self.plateau(*argv)
            self.assertEqual(r.status, 2, r.told())
            self.assertIn(word, r.err)
            self.assertEqual(r.out, "", argv)

    def test_missing_scenario(self):
        r = self.plateau("run", "no-such.ini")
        self.expect_status(r, 2)
        self.assertIn("no-such.ini", r.err)

    def test_report_of_no_run(self):
        r = self.plateau("report", self.folder)
        self.assertEqual(r.status, 2, r.told())


class DiskFullTest(support.ScenarioCase):
    """/dev/full stands for a full disk: exit 5, never a pass."""

    def test_full_disk(self):
        mount = os.path.join(self.folder, "small")
        os.makedirs(mount)
        if os.geteuid() != 0 or os.system(
                "mount -t tmpfs -o size=16k none %s 2>/dev/null" % mount):
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(os.system, "umount -l " + mount)
        r = self.plateau("run", self.scenario(), "--out",
                         os.path.join(mount, "run"))
        self.expect_status(r, 5)
        self.assertRegex(r.err, re.compile("no space|full", re.I))
