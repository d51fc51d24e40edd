"""A German locale, where numbers have a decimal comma: the same bytes as in
the C locale, from every command that reads or writes numbers, and from the
gnuplot it starts. The locale is compiled here, so nothing is skipped."""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile

import support

LOCALES = os.path.join(support.ROOT, "build", "locale")
NAME = "de_DE.UTF-8"
GERMAN = {"LOCPATH": LOCALES, "LC_ALL": NAME, "LANG": NAME,
          "LANGUAGE": "de"}
PLAIN = {"LC_ALL": "C", "LANG": "C", "LANGUAGE": ""}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def build_locale():
    """Compiles the locale once, from the sources of Debian's `locales`."""
    if os.path.isdir(os.path.join(LOCALES, NAME)):
        return
    os.makedirs(LOCALES, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LOCALES) as folder:
        made = os.path.join(folder, NAME)
        done = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", made],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        if not os.path.exists(os.path.join(made, "LC_NUMERIC")):
            raise AssertionError("localedef: " + done.stdout)
        try:
            os.rename(made, os.path.join(LOCALES, NAME))
        except OSError:  # another test was quicker
            assert os.path.isdir(os.path.join(LOCALES, NAME))


def folder_bytes(folder):
    """Every file below it, by name."""
    seen = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                seen[os.path.relpath(path, folder)] = f.read()
    return seen


class LocaleCase(support.ScenarioCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        build_locale()

    def same(self, *arguments, status=None):
        """Runs it in both locales; the same exit status, the same words."""
        german = self.plateau(*arguments, env=GERMAN)
        plain = self.plateau(*arguments, env=PLAIN)
        self.assertEqual((german.status, german.out, german.err),
                         (plain.status, plain.out, plain.err))
        if status is not None:
            self.assertEqual(plain.status, status, plain.told())
        return plain

    def same_files(self, *arguments):
        """Runs it in both locales with --out; the same files."""
        seen = []
        for env in (GERMAN, PLAIN):
            out = tempfile.mkdtemp(dir=self.folder)
            r = self.plateau(*arguments, "--out", out, env=env)
            self.assertIn(r.status, (0, 1, 3), r.told())
            seen.append(folder_bytes(out))
        self.assertEqual(sorted(seen[0]), sorted(seen[1]))
        for name, data in seen[0].items():
            self.assertEqual(data, seen[1][name], name)
        return seen[0]

    def check_plots(self, files):
        """Pictures that were drawn, and no number in them has a comma. Gives
        how many of them have a number with a point at an axis."""
        svgs = [n for n in files if n.endswith(".svg")]
        self.assertTrue(svgs, sorted(files))
        for name in svgs:
            self.assertIsNone(re.search(rb">\s*\d+,\d+\s*<", files[name]),
                              name)
        self.assertNotIn(b"warning", files.get("plots/gnuplot.log", b""))
        return sum(re.search(rb">\s*\d+\.\d+\s*<", files[n]) is not None
                   for n in svgs)


class LocaleTest(LocaleCase):
    def test_locale_has_a_decimal_comma(self):
        """Or the tests below would show nothing."""
        done = subprocess.run(
            [sys.executable, "-c",
             "import locale; locale.setlocale(locale.LC_ALL, '');"
             "print(locale.format_string('%.2f', 1.5))"],
            env=dict(os.environ, **GERMAN), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.stdout.strip(), "1,50")

    def series(self, grows):
        return self.write("x.csv", "t_s,requests,rss_bytes,fds\n" + "".join(
            "%d.25,%d,%d.5,%s\n" % (i, i * 10, 1e8 + i * grows +
                                    i * 37 % 11 * 4096, "" if i % 9 else 20)
            for i in range(400)))

    def test_analyze(self):
        for grows, word in ((100000, "leak"), (0, "pass")):
            path = self.series(grows)
            r = self.same("analyze", path, "--json")
            self.assertEqual(json.loads(r.out)["verdict"], word)
            self.same("analyze", path, "--set", "verdict.rss=64.5 B/request")
        files = self.same_files("analyze", path)
        for name in ("verdict.json", "report.html", "summary.md",
                     "junit.xml"):
            self.assertIn(name, files)
        self.assertGreater(self.check_plots(files), 0)

    def test_decimal_commas_are_refused(self):
        """Nothing is read as the locale would have it."""
        for text in ("t_s;rss_bytes\n0,5;100,5\n",
                     't_s,rss_bytes\n"0,5","100,5"\n"1,5","1,5"\n',
                     "t_s,rss_bytes\n0,5,100,5\n"):
            self.same("analyze", self.write("bad.csv", text), status=2)

    def test_check(self):
        path = self.scenario(load={"rate": "1500.5/s", "settle": "0.25s"},
                             more="[verdict]\nnative = 64.5 B/request")
        r = self.same("check", "--effective", path, status=0)
        self.assertIn("1500.5", r.out)
        self.same("check", self.scenario(load={"rate": "1500,5/s"}),
                  status=2)


class LocaleRunTest(LocaleCase):
    """A whole run, and all that reads what it left."""

    LOAD = dict(support.ScenarioCase.LOAD, rate="1500.5/s", settle="0.2s",
                warmup="0.5s", blocks="6", block="600 requests")

    def run_german(self, options):
        return self.plateau(
            "run", self.scenario(options, {
                "order": "method = POST\npath = /orders\nexpect = 201\n"
                         "weight = 1.5",
                "browse": "path = /ok\nweight = 2.5"}), env=GERMAN)

    def check_tables(self, directory):
        """Each cell is a number as C writes it, a word, or nothing."""
        for name in ("samples.csv", "barriers.csv", "processes.csv",
                     "requests.csv"):
            with open(os.path.join(directory, name), newline="",
                      encoding="utf-8") as f:
                rows = list(csv.reader(f))
            self.assertGreater(len(rows), 2, name)
            for row in rows[1:]:
                self.assertEqual(len(row), len(rows[0]), (name, row))
                for cell in row:
                    if cell[:1].isdigit():
                        self.assertTrue(NUMBER.fullmatch(cell), (name, row))
        with open(os.path.join(directory, "samples.csv"),
                  encoding="utf-8") as f:
            self.assertRegex(f.read(), r"\n\d+\.\d+,")
        with open(os.path.join(directory, "run.json"), encoding="utf-8") as f:
            json.load(f)

    def test_run_and_what_reads_it(self):
        leaking = self.run_german(["--leak", "2048"])
        self.expect_status(leaking, 1)
        self.assertAlmostEqual(self.leak_of(leaking, "order"), 2048,
                               delta=205)
        self.check_tables(leaking.directory)
        # What the run wrote under one locale is what is judged in the other.
        wrote = folder_bytes(leaking.directory)
        again = self.same_files("analyze", leaking.directory)
        self.assertEqual(again["verdict.json"], wrote["verdict.json"])
        self.assertEqual(self.same_files("report", leaking.directory),
                         again)
        self.check_plots(again)
        healthy = self.run_german([])
        self.expect_status(healthy, 0)
        self.same("compare", leaking.directory, healthy.directory, status=0)
        self.same("compare", healthy.directory, leaking.directory, "--json",
                  status=1)
        saved = []
        for env in (GERMAN, PLAIN):
            path = os.path.join(self.folder, "base-%d.json" % len(saved))
            self.plateau("compare", "--save", path, healthy.directory,
                         env=env)
            with open(path, "rb") as f:
                saved.append(f.read())
        self.assertEqual(saved[0], saved[1])
        self.same("compare", path, leaking.directory, status=1)
