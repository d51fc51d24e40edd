"""Reports: hostile bytes stay harmless, the page opens in a browser."""

import glob
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import support

# What a hostile service or scenario may call itself.
HOSTILE = '<img src=x onerror=alert(1)>`id`$(id)\'"&|*_\x1b[31m'


class HostileTest(support.ScenarioCase):
    LOAD = dict(support.ScenarioCase.LOAD, blocks="5", block="300 requests")

    def hostile_run(self):
        """Names, paths and metrics full of markup; shown by every report."""
        script = self.write("metric.sh", "printf 'evil<b>`id`_bytes 5\\n"
                            "\\033[31mred 1\\n'\n")
        return self.plateau("run", self.scenario(
            ["--leak", "4096"],
            {"<script>alert(2)</script>":
                 "method = POST\npath = /orders?<b>\nbody = {}\n"
                 "expect = 201\nweight = 1",
             "a'b\"c`id`|pipe": "path = /ok\nweight = 1"},
            name=HOSTILE.replace("\x1b", ""),
            more="command.evil = sh %s" % script))

    def test_run(self):
        r = self.hostile_run()
        self.assertIn(r.status, (1, 2, 3), r.told())
        self.assertNotIn("\x1b[31m", r.out + r.err)
        if r.status == 2:  # names may be refused, but not half and half
            self.assertRegex(r.err, r"scenario\.ini:\d+: ")
            return
        self.check_artifacts(r)

    def check_artifacts(self, r):
        html = r.text("report.html")
        for raw in ("<script>alert", "<img src=x", "evil<b>"):
            self.assertNotIn(raw, html)
        ElementTree.parse(r.path("junit.xml"))
        json.loads(r.text("verdict.json"))
        for line in r.text("events.ndjson").splitlines():
            json.loads(line)
        self.assertNotIn("<script>", r.text("summary.md"))
        for path in glob.glob(r.path("plots", "*.gp")):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertNotIn('"', re.sub(r"'(?:[^']|'')*'", "", text)
                             if "`id`" in text else "")
        for path in glob.glob(r.path("plots", "*.svg")):
            ElementTree.parse(path)
        self.assertFalse([n for n in os.listdir(r.directory)
                          if n.startswith("uid=")])

    def test_recorded_run_with_hostile_texts(self):
        """What somebody mails is not trusted either."""
        r = self.plateau("run", self.scenario(["--leak", "4096"], {
            "o": "method = POST\npath = /orders\nbody = {}\nexpect = 201\n"
                 "weight = 1"}))
        self.expect_status(r, 1)
        path = r.path("run.json")
        run = json.loads(r.text("run.json"))
        run["name"] = run["command"] = run["host"] = HOSTILE + "</script>"
        run["notes"] = [HOSTILE]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(run, f)
        with open(r.path("events.ndjson"), "a", encoding="utf-8") as f:
            f.write(json.dumps({"t_s": 1, "event": HOSTILE, "pid": 1,
                                "detail": HOSTILE}) + "\n")
        again = self.plateau("report", r.directory)
        self.expect_status(again, 0)
        self.assertNotIn("\x1b[31m", again.out + again.err)
        self.check_artifacts(r)

    def test_nothing_of_the_page_comes_from_the_network(self):
        r = self.plateau("run", self.scenario())
        html = r.text("report.html")
        for match in re.finditer(r"""(?:src|href|action)\s*=\s*["']?([^"'\s>]*)""",
                                 html):
            self.assertRegex(match.group(1), r"^(#|data:|$)|^[\w./-]+$")
            self.assertNotIn("//", match.group(1))
        self.assertNotRegex(html, r"@import|url\(\s*['\"]?(?:https?:)?//")
        self.assertNotRegex(html, r"fetch\(|XMLHttpRequest|WebSocket")
        self.assertIn("viewport", html)
        self.assertIn("prefers-color-scheme", html)
        # The harness's own cost and the effective scenario are in it.
        for word in ("scenario", "CPU", "barrier"):
            self.assertIn(word.lower(), html.lower())


class BrowserTest(support.ScenarioCase):
    """The page in headless Chromium: rendered, without an error."""

    timeout = 150
    serial = True

    def setUp(self):
        super().setUp()
        self.browser = shutil.which("chromium")
        if not self.browser:
            self.skipTest("no chromium here")

    def chromium(self, *arguments):
        done = subprocess.run(
            [self.browser, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run",
             "--user-data-dir=" + os.path.join(self.folder, "profile"),
             "--enable-logging=stderr", "--virtual-time-budget=5000"] +
            list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=60 * support.SLOW, check=False, text=True,
            env=dict(os.environ, HOME=self.folder))
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done

    def test_report_renders(self):
        r = self.plateau("run", self.scenario(["--leak", "2048"], {
            "browse": "path = /ok\nweight = 4",
            "order": "method = POST\npath = /orders\nbody = {}\n"
                     "expect = 201\nweight = 1"}))
        self.expect_status(r, 1)
        url = "file://" + r.path("report.html")
        done = self.chromium("--dump-dom", url)
        self.assertIn("LEAK", done.stdout.upper())
        self.assertIn("<svg", done.stdout)
        for bad in ("Uncaught", "SyntaxError", "CONSOLE"):
            self.assertNotIn(bad, done.stderr)
        for size in ("1200,2400", "390,2400"):
            picture = os.path.join(self.folder, "page.png")
            self.chromium("--screenshot=" + picture, "--window-size=" + size,
                          url)
            self.assertGreater(os.path.getsize(picture), 20000)
        keep = os.environ.get("PLATEAU_KEEP")
        if keep:
            shutil.copytree(r.directory, os.path.join(keep, "report"),
                            dirs_exist_ok=True)
