"""analyze and report: a recorded run, judged and rendered again."""

import json
import os

import support

COLUMNS = "block,t_s,requests,phase,proc_starts,ok,errors,requests:browse," \
          "requests:order,pss_bytes,fds"


class RecordedRun(support.Case):
    """A run directory made here: order keeps `kept` bytes per request."""

    def recorded(self, name, kept, end='"complete"'):
        directory = os.path.join(self.folder, name)
        os.mkdir(directory)
        rows, samples = [COLUMNS], ["t_s,requests,phase,proc_starts,pss_bytes"]
        orders = browses = 0
        for block in range(13):
            orders += (100, 300, 200, 250)[block % 4]
            browses += 1000 - (100, 300, 200, 250)[block % 4]
            done = orders + browses
            pss = 90000000 + kept * orders + (block * 7919) % 5 * 2048
            rows.append("%d,%d,%d,barrier,1,%d,0,%d,%d,%d,20" % (
                block, 10 + block * 5, done, done, browses, orders, pss))
            for k in range(5):
                samples.append("%d,%d,load,1,%d" % (
                    6 + block * 5 + k, done, pss + (k * 31) % 7 * 4096))
        kinds = [{"name": n, "flow": False, "weight": 1}
                 for n in ("browse", "order")]
        for file, text in (
                ("barriers.csv", "\n".join(rows) + "\n"),
                ("samples.csv", "\n".join(samples) + "\n"),
                ("scenario.ini", "[scenario]\nname = shop\n[verdict]\n"),
                ("run.json", '{"name": "shop", "end": %s, "duration_s": 75, '
                             '"requests": 13000, "errors": 0, "kinds": %s}'
                             % (end, json.dumps(kinds)))):
            self.write(os.path.join(name, file), text)
        return directory

    def judged(self, *arguments):
        r = self.plateau("analyze", *arguments, "--json")
        return r, json.loads(r.out)


class AnalyzeRunTest(RecordedRun):
    def test_leak_and_pass(self):
        for kept, word, status in ((4000, "leak", 1), (0, "pass", 0)):
            r, v = self.judged(self.recorded(word, kept))
            self.assertEqual((r.status, v["verdict"], v["exit_code"]),
                             (status, word, status), r.told())
            self.assertFalse(v["partial"])

    def test_guilty_kind(self):
        directory = self.recorded("x", 4000)
        _, v = self.judged(directory)
        named = [b for b in v["blames"] if b["named"]]
        self.assertEqual({b["kind"] for b in named}, {"order"})
        self.assertAlmostEqual(named[0]["slope"], 4000, delta=200)
        r = self.plateau("analyze", directory)
        self.assertIn("order keeps 3.9", r.out)

    def test_writes_nothing_unless_told(self):
        directory = self.recorded("x", 4000)
        before = sorted(os.listdir(directory))
        self.judged(directory)
        self.assertEqual(sorted(os.listdir(directory)), before)
        out = os.path.join(self.folder, "again")
        _, v = self.judged(directory, "--out", out)
        with open(os.path.join(out, "verdict.json"), encoding="utf-8") as f:
            self.assertEqual(json.load(f), v)
        self.assertTrue(os.path.exists(os.path.join(out, "report.html")))

    def test_other_tolerance(self):
        directory = self.recorded("x", 4000)
        r, v = self.judged(directory, "--set", "verdict.pss=1 MiB/request")
        self.assertEqual((r.status, v["verdict"]), (0, "pass"), r.told())
        for bad, word in (("verdict.pss=often", "pss"),
                          ("verdict.confidense=99%", "confiden"),
                          ("load.rate=3/s", "verdict.")):
            r = self.plateau("analyze", directory, "--set", bad)
            self.assertEqual((r.status, r.out), (2, ""), r.told())
            self.assertIn(word, r.err)

    def test_same_verdict_from_one_processor(self):
        directory = self.recorded("x", 3)
        seen = [self.plateau("analyze", directory, "--json").out]
        allowed = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, allowed)
        os.sched_setaffinity(0, {min(allowed)})
        seen.append(self.plateau("analyze", directory, "--json").out)
        self.assertIn("verdict", json.loads(seen[0]))
        self.assertEqual(seen[0], seen[1])

    def test_killed_run_is_partial(self):
        directory = self.recorded("x", 4000, end="null")
        for file in ("samples.csv", "barriers.csv"):
            path = os.path.join(directory, file)
            os.truncate(path, os.path.getsize(path) - 9)
        r, v = self.judged(directory)
        self.assertTrue(v["partial"])
        self.assertEqual(v["verdict"], "leak", r.told())
        os.remove(os.path.join(directory, "run.json"))
        _, v = self.judged(directory)
        self.assertTrue(v["partial"])
        self.assertIn("run.json is missing", " ".join(v["notes"]))

    def test_failed_target_is_exit_4(self):
        r, v = self.judged(self.recorded("x", 0, end='"target-failed"'))
        self.assertEqual(r.status, 4, r.told())
        self.assertNotEqual(v["verdict"], "pass")

    def test_no_readings_is_exit_2(self):
        path = self.write("empty.csv", "t_s,rss_bytes\n")
        r, v = self.judged(path)
        self.assertEqual((r.status, v["verdict"]), (2, "inconclusive"),
                         r.told())
        self.assertIn("no readings", r.err)

    def test_standard_input(self):
        text = "t_s,requests,fds\n" + "".join(
            "%d,%d,%d\n" % (i, i * 10, 10 + i) for i in range(300))
        with open(self.write("x.csv", text), "rb") as f:
            r = self.plateau("analyze", "-", "--json", stdin=f)
        self.assertEqual(r.status, 1, r.told())
        self.assertEqual(json.loads(r.out)["name"], "standard input")


class OddFileTest(support.Case):
    """Whatever a file holds: an answer that is true, or none."""

    HEADER = "t_s,requests,rss_bytes\n"

    def analyze(self, text, *arguments):
        mode = "wb" if isinstance(text, bytes) else "w"
        path = os.path.join(self.folder, "x.csv")
        with open(path, mode) as f:
            f.write(text)
        return self.plateau("analyze", path, "--json", *arguments)

    def series(self, reading, rows=300, header=HEADER):
        return header + "".join("%d,%d,%s\n" % (i, i * 10, reading(i))
                                for i in range(rows))

    def steady(self, i):
        return str(100000000 + i * 37 % 11 * 4096)

    def test_never_a_pass_on_nothing(self):
        for name, reading in (
                ("no numbers", lambda i: "nan" if i % 2 else "inf"),
                ("empty", lambda i: ""),
                ("zeros", lambda i: "0"),
                ("negative", lambda i: str(-100000000 - i)),
                ("endless", lambda i: "1e308"),
                ("endless either way", lambda i: "-1e308" if i % 2 else "1e308"),
                ("beyond doubles", lambda i: "1e400"),
                ("wraps", lambda i: str((4000000000 + i * 5000000) % 2 ** 32))):
            with self.subTest(name):
                r = self.analyze(self.series(reading))
                self.assertEqual(r.status, 3, r.told())
                self.assertEqual(json.loads(r.out)["verdict"], "inconclusive")

    def test_says_what_is_wrong_with_it(self):
        """Not only that there is nothing to judge."""
        for text, words in (
                (self.series(lambda i: "%dMiB" % (100 + i)),
                 "300 cells are no numbers"),
                (self.HEADER + "".join("%d,%d,100000000\n" % (300 - i, i)
                                       for i in range(300)),
                 "of 300 rows one can be used, for the time"),
                (self.HEADER + "7,1,100000000\n" * 300,
                 "of 300 rows one can be used, for the time")):
            r = self.analyze(text)
            self.assertEqual(r.status, 3, r.told())
            said = json.loads(r.out)
            self.assertIn(words, said["reason"] + " ".join(said["notes"]))

    def test_threads_are_many(self):
        r = self.analyze("t_s,requests,threads\n" + "".join(
            "%d,%d,%d\n" % (i, i * 10, 8 + i) for i in range(300)))
        self.assertEqual(r.status, 1, r.told())
        self.assertIn("The number of threads grows by 0.1",
                      json.loads(r.out)["reason"])

    def test_memory_that_is_gone(self):
        """Zero is what is read where nothing lives: no level to stay at."""
        for share in (0, 0.3, 0.5, 0.75, 0.88):
            for grows in (0, 200000):
                r = self.analyze(self.series(
                    lambda i: 0 if i >= share * 300
                    else 100000000 + i * grows + i * 37 % 11 * 4096))
                self.assertEqual(r.status, 3, r.told())
        r = self.analyze(self.series(lambda i: int(i == 299)))
        self.assertEqual(r.status, 3, r.told())
        # A few have failed, and hide no leak.
        r = self.analyze(self.series(
            lambda i: 0 if i % 15 == 3 else 100000000 + i * 200000))
        self.assertEqual(r.status, 1, r.told())

    def test_too_little(self):
        for rows in (1, 2, 11):
            r = self.analyze(self.series(self.steady, rows))
            self.assertEqual(r.status, 3, r.told())
            self.assertIn("nothing to judge", json.loads(r.out)["reason"])
        self.assertEqual(self.analyze(self.HEADER).status, 2)

    def test_exact(self):
        for name, reading, status in (
                ("constant", lambda i: "100000000", 0),
                ("holes", lambda i: "" if i % 7 == 3 else self.steady(i), 0),
                ("2^53", lambda i: str(2 ** 53), 3),
                ("2^53 by ones", lambda i: str(2 ** 53 + i), 3),
                ("2^53 and up", lambda i: str(2 ** 53 + i * 2 ** 46), 1),
                ("falls", lambda i: str(100000000 - i * 100000), 0)):
            with self.subTest(name):
                r = self.analyze(self.series(reading))
                self.assertEqual(r.status, status, r.told())

    def expect_no_result(self, r):
        self.assertEqual(r.status, 2, r.told())
        self.assertEqual(list(json.loads(r.out)),
                         ["schema", "exit_code", "messages"])

    def test_not_such_a_file(self):
        for text, word in (
                (b"", "header"),
                (bytes(range(256)) * 40, "not a text"),
                ("requests,rss_bytes\n1,2\n", "t_s"),
                ("t_s,requests\n1,2\n", "no metric"),
                (self.series(lambda i: "1,2",
                             header="t_s,rss_bytes,rss_bytes\n"), "twice"),
                ("t_s;rss_bytes\n0;1,5\n", "t_s"),
                ("t_s,rss_bytes\n0,5,100,5\n", "decimal comma"),
                ('t_s,rss_bytes\n"0,5","100,5"\n"1,5","1,5"\n',
                 "decimal point")):
            with self.subTest(word):
                r = self.analyze(text)
                self.expect_no_result(r)
                self.assertIn(word, r.err)

    def test_metric_that_is_not_there(self):
        text = self.series(lambda i: "100000000")
        for key in ("nosuch=1/request", "fds=1/request", "require=fds"):
            r = self.analyze(text, "--set", "verdict." + key)
            self.expect_no_result(r)
            self.assertIn("no such column", r.err)
        r = self.analyze(text, "--set", "verdict.rss=64 B/request")
        self.assertEqual(r.status, 0, r.told())


class ReportTest(RecordedRun):
    def test_same_bytes_again(self):
        directory = self.recorded("x", 4000)
        seen = []
        for _ in range(2):
            r = self.plateau("report", directory)
            self.assertEqual(r.status, 0, r.told())  # written, whatever it says
            seen.append({})
            for name in ("verdict.json", "summary.md", "junit.xml",
                         "report.html", "plots/memory.gp"):
                with open(os.path.join(directory, name), "rb") as f:
                    seen[-1][name] = f.read()
        self.assertEqual(seen[0], seen[1])

    def test_no_place_to_write(self):
        directory = self.recorded("x", 0)
        blocked = self.write("file", "in the way")
        r = self.plateau("report", directory, "--out", blocked)
        self.assertEqual(r.status, 5, r.told())
        self.assertIn("file", r.err)

    def test_no_run_directory(self):
        r = self.plateau("report", self.folder)
        self.assertEqual(r.status, 2, r.told())
        self.assertIn("samples.csv", r.err)
