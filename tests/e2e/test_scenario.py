"""Scenario files: every mistake named with its place, nothing cut, secrets
never shown, loopback only."""

import os
import re

import support

GOOD = """\
[scenario]
name = good
[target]
url = http://127.0.0.1:9
pid = 1
[load]
rate = 10/s
blocks = 2
block = 10 requests
[request a]
path = /a
weight = 1
"""

# Each wrong line, and a word of what is to be said on it.
TEN_MISTAKES = """\
[scenario]
name = ten
[target]
url = htp://127.0.0.1:9
command = true
ready = GET /health whithin 30s
[load]
rate = fast
conections = 4
blocks = -3
timeout = 10 parsecs
[request a]
path = products
wieght = 1
[request b]
path = /b/{{nonsense 1 2}}
expect = 99999
[flow f]
steps = a, missing
"""
LINES = (4, 6, 8, 9, 10, 11, 13, 14, 16, 17, 19)


class CheckTest(support.Case):
    def check(self, text, *more, env=None):
        return self.plateau("check", self.write("s.ini", text), *more,
                            env=env)

    def lines(self, r):
        return sorted(int(n) for n in re.findall(
            r"^\S*s\.ini:(\d+): ", r.out + r.err, re.M))

    def test_good(self):
        r = self.check(GOOD)
        self.expect_status(r, 0)
        self.assertEqual(self.lines(r), [])

    def test_ten_mistakes_ten_lines(self):
        r = self.check(TEN_MISTAKES)
        self.expect_status(r, 2)
        self.assertEqual(sorted(set(self.lines(r))), list(LINES), r.told())
        for hint in ("connections", "weight"):
            self.assertRegex(r.out + r.err, "did you mean.*%s" % hint)
        # `run` says the same, and starts nothing.
        run = self.plateau("run", os.path.join(self.folder, "s.ini"))
        self.expect_status(run, 2)
        self.assertEqual(self.lines(run), self.lines(r))
        self.assertFalse(os.path.exists(run.directory))

    def test_unknown_section_and_duplicate(self):
        r = self.check(GOOD + "[laod]\nrate = 1/s\n[request a]\npath = /b\n")
        self.expect_status(r, 2)
        self.assertIn(13, self.lines(r))
        self.assertIn("load", r.out + r.err)
        self.assertTrue(set(self.lines(r)) & {15, 16}, r.told())

    def test_crlf_and_bom(self):
        r = self.check("\ufeff" + GOOD.replace("\n", "\r\n"))
        self.expect_status(r, 0)
        r = self.check("\ufeff" + TEN_MISTAKES.replace("\n", "\r\n"))
        self.assertEqual(sorted(set(self.lines(r))), list(LINES), r.told())

    def test_values_are_taken_whole(self):
        body = '{"a": "x ; y # z", "b": "%s"}' % ("long " * 1200)
        r = self.check(GOOD + "method = POST\nbody = " + body + "\n",
                       "--effective")
        self.expect_status(r, 0)
        self.assertIn(body, r.out)

    def test_effective_tells_origins(self):
        r = self.check(GOOD, "--effective", "--set", "load.seed=7")
        self.expect_status(r, 0)
        for line, origin in ((r"rate = 10/s", r"s\.ini:7"),
                             (r"seed = 7", r"--set"),
                             (r"timeout = \S+", r"default")):
            self.assertRegex(r.out, r"(?m)^.*%s.*%s|%s.*\n?.*%s" %
                             (line, origin, origin, line))

    def test_hundred_thousand_lines(self):
        text = GOOD + "".join("[request r%d]\npath = /r/%d\nweight = 1\n" %
                              (i, i) for i in range(33330))
        self.expect_status(self.check(text), 0)
        r = self.check(text + "[request z]\nwieght = 1\n")
        self.expect_status(r, 2)
        self.assertIn(text.count("\n") + 2, self.lines(r))

    def test_over_long_line_is_refused_not_cut(self):
        r = self.check(GOOD + "body = " + "x" * (5 << 20) + "\n")
        self.assertEqual(r.status, 2)
        self.assertIn(13, self.lines(r))

    def test_environment(self):
        text = GOOD + "header = X-A: ${TOKEN_A}\nheader = X-B: ${B:-bee}\n"
        r = self.check(text)
        self.expect_status(r, 2)
        self.assertIn(13, self.lines(r))
        self.assertIn("TOKEN_A", r.out + r.err)
        r = self.check(text, "--effective", env={"TOKEN_A": "hush-hush"})
        self.expect_status(r, 0)
        self.assertNotIn("hush-hush", r.out + r.err)

    def test_loopback_only_unless_named(self):
        text = GOOD.replace("127.0.0.1:9", "staging.example:9")
        r = self.check(text)
        self.expect_status(r, 2)
        self.assertIn("allow_host", r.out + r.err)
        self.assertEqual(self.lines(r)[0], 4)
        self.expect_status(self.check(text.replace(
            "pid = 1", "pid = 1\nallow_host = staging.example")), 0)

    def test_wrong_sets(self):
        for wrong in ("load.rat=5/s", "nonsense", "load.rate=fast",
                      "=", "load.rate"):
            r = self.check(GOOD, "--set", wrong)
            self.assertEqual(r.status, 2, wrong + "\n" + r.told())

    def test_binary_and_empty_files(self):
        self.assertEqual(self.check("").status, 2)
        self.assertEqual(self.check("\0\1\2" * 1000).status, 2)
        self.assertEqual(self.plateau("check", self.folder).status, 2)

    def test_bundled_scenarios_are_right(self):
        folder = os.path.join(support.ROOT, "scenarios")
        for name in sorted(os.listdir(folder)):
            if name.endswith(".ini"):
                r = self.plateau("check", os.path.join(folder, name),
                                 cwd=support.ROOT)
                self.expect_status(r, 0)
