"""What ends up on stdout: one result, whole, or a failure that is told."""

import json
import os
import subprocess
import unittest

import support


def rows(reading):
    return "t_s,requests,rss_bytes\n" + "".join(
        "%d,%d,%d\n" % (i, i * 100, reading(i)) for i in range(600))


class ResultCase(support.ScenarioCase):
    def setUp(self):
        super().setUp()
        self.level = self.write("level.csv", rows(
            lambda i: 50000000 + i * 37 % 11 * 1024))
        self.leak = self.write("leak.csv", rows(
            lambda i: 50000000 + i * 10000))

    def through_shell(self, redirection, *arguments):
        """The program with its descriptors as the shell makes them."""
        return subprocess.run(
            ["/bin/sh", "-c", '"$0" "$@" ' + redirection, support.PLATEAU] +
            list(arguments), cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60 * support.SLOW, check=False)


class StandardDescriptorsTest(ResultCase):
    """Whatever a daemon or a cron job hands us as 0, 1 and 2."""

    def test_a_full_disk_behind_stdout(self):
        for series, status in ((self.level, 5), (self.leak, 1)):
            for form in ([], ["--json"]):
                r = self.through_shell(">/dev/full", "analyze", series, *form)
                self.assertEqual(r.returncode, status, r.stderr)
                self.assertIn("the result could not be written: No space",
                              r.stderr)

    def test_a_reader_that_went_away(self):
        for series, status in ((self.level, 0), (self.leak, 1)):
            reader, writer = os.pipe()
            os.close(reader)
            r = subprocess.run(
                [support.PLATEAU, "analyze", series], stdout=writer,
                stderr=subprocess.PIPE, text=True, check=False,
                timeout=60 * support.SLOW)
            os.close(writer)
            self.assertEqual((r.returncode, r.stderr), (status, ""))

    def test_no_way_to_a_report_that_is_not_there(self):
        out = os.path.join(self.folder, "out")
        os.makedirs(os.path.join(out, "report.html", "in the way"))
        r = self.plateau("analyze", self.leak, "--out", out)
        self.expect_status(r, 5)
        self.assertIn("report.html", r.err)
        self.assertNotIn("report.html", r.out)

    def test_closed_ones(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            out = os.path.join(self.folder, "run")
            r = self.through_shell(
                closed, "run", self.scenario(load={
                    "warmup": "100ms", "blocks": "3", "settle": "50ms",
                    "block": "100 requests"}), "--out", out)
            self.assertIn(r.returncode, (0, 3), closed + r.stderr)
            if "<&-" == closed:
                self.assertIn("report   ", r.stdout)
            with open(os.path.join(out, "verdict.json"),
                      encoding="utf-8") as f:
                self.assertEqual(json.load(f)["exit_code"], r.returncode)
            with open(os.path.join(out, "target.log"),
                      encoding="utf-8") as f:
                self.assertRegex(f.read(), r"\Aleaky: listening on .*\n\Z")
            os.rename(out, out + closed.replace(" ", ""))


class OneDocumentTest(ResultCase):
    """--json: exactly one document, also where there is no result."""

    def expect_reason(self, r, status, words):
        self.expect_status(r, status)
        said = json.loads(r.out)
        self.assertEqual(said["schema"], "plateau-no-result/1")
        self.assertEqual(said["exit_code"], status)
        for word in words:
            self.assertIn(word, " ".join(said["messages"]))
        self.assertTrue(said["messages"])
        for message in said["messages"]:
            self.assertIn(message, r.err)

    def test_mistakes(self):
        bad = self.write("bad.ini", "[target]\nurll = x\n[lod]\n")
        empty = self.write("empty.csv", "")
        folder = os.path.join(self.folder, "no-run")
        os.makedirs(folder)
        for arguments, words in (
                (("run", bad), ("bad.ini:2: ", "bad.ini:3: ")),
                (("run",), ("run wants one scenario",)),
                (("run", bad, "--bogus"), ("--bogus",)),
                (("runn", bad), ("did you mean 'run'?",)),
                (("observe", "--pid", "1", "--every", "x"), ("every",)),
                (("analyze", empty), ("empty.csv:1: ",)),
                (("analyze", os.path.join(self.folder, "none")), ("none",)),
                (("analyze", self.level, "--set", "verdict.pss=x"), ("pss",)),
                (("report", folder), ("no-run",)),
                (("compare", self.level), ("compare wants",)),
                (("compare", self.level, empty), ("empty.csv",)),
                (("import", "har", empty), ("empty.csv",)),
                (("objects", "x"), ("x",))):
            with self.subTest(" ".join(arguments)):
                self.expect_reason(self.plateau(*arguments, "--json"), 2,
                                   words)

    def test_check_tells_its_mistakes_as_before(self):
        bad = self.write("bad.ini", "[target]\nurll = x\n")
        r = self.plateau("check", bad, "--json")
        self.expect_status(r, 2)
        self.assertEqual(json.loads(r.out)["mistakes"][0]["line"], 2)

    def test_an_out_that_cannot_be(self):
        folder = os.path.join(self.folder, "taken")
        os.makedirs(folder)
        self.write("taken/notes.txt", "mine\n")
        scenario = self.scenario()
        for out, words in ((folder, "not empty"), (self.leak, "leak.csv")):
            self.expect_reason(
                self.plateau("run", scenario, "--json", "--out", out), 2,
                ("--out", words))
        self.assertEqual(os.listdir(folder), ["notes.txt"])

    def test_a_harness_that_failed(self):
        r = self.plateau("run", self.scenario(
            more="command.db = /nonexistent/program"), "--json", "--quiet")
        self.expect_reason(r, 5, ("/nonexistent/program",))

    def test_help_is_no_document(self):
        r = self.plateau("compare", "--json", "--help")
        self.expect_status(r, 0)
        self.assertTrue(r.out.startswith("Compares "), r.out)

    def test_a_result_is_one_as_before(self):
        out = os.path.join(self.folder, "compared")
        r = self.plateau("compare", self.level, self.leak, "--json", "--out",
                         out)
        self.expect_status(r, 1)
        self.assertEqual(json.loads(r.out)["change"], "worse")
        with open(os.path.join(out, "comparison.json"),
                  encoding="utf-8") as f:
            self.assertEqual(f.read(), r.out)


if __name__ == "__main__":
    unittest.main()
