"""The chains of references in the report: one graph where graphviz's dot is on
the PATH; drawn one by one where it is not, or says what is no layout."""

import json
import os
import re
import shutil
import stat
import time
import unittest

import support

RUN = {"schema": "plateau-run/1", "name": "shop", "started":
       "2026-11-22T10:15:00Z", "end": "complete", "duration_s": 10,
       "requests": 100, "errors": 0, "kinds": []}
CHAINS = [
    ("shop.Order", "module shop -> history: list[900] -> shop.Order"),
    ("shop.Order", "module shop -> by_id: dict[900] -> shop.Order"),
    ("shop.Line", "module shop -> history: list[901] -> shop.Order -> "
                  "lines: list[3] -> shop.Line"),
    ("shop.<i>", 'class shop."]; n9 -> rows: list[4] -> shop.<i>'),
]
ONE_BY_ONE = 'aria-label="chain of references"'
GRAPH = 'aria-label="chains of references"'


class GraphTest(support.Case):
    def setUp(self):
        super().setUp()
        self.run_dir = os.path.join(self.folder, "recorded")
        os.mkdir(self.run_dir)
        for name, text in (
                ("run.json", json.dumps(RUN)),
                ("samples.csv", "t_s,requests,phase,rss_bytes\n" + "".join(
                    "%d,%d,load,%d\n" % (t, t * 10, 50000000 + t * 4096)
                    for t in range(10)))):
            self.write(os.path.join("recorded", name), text)
        self.record(CHAINS)
        self.bin = os.path.join(self.folder, "bin")
        os.mkdir(self.bin)

    def record(self, chains):
        self.write(os.path.join("recorded", "diagnosis.json"), json.dumps({
            "schema": "plateau-diagnosis/1", "method": "from outside",
            "seconds": 2, "requests": 50, "sites": [], "mappings": [],
            "notes": [], "chains": [
                {"type": t, "chain": c, "instances": 900, "sampled": 16,
                 "found": 8} for t, c in chains]}))

    def page(self, path=None):
        r = self.plateau("report", self.run_dir,
                         env={"PATH": path} if path else None)
        self.expect_status(r, 0)
        self.assertNotRegex(r.err, "dot|graphviz")
        with open(os.path.join(self.run_dir, "report.html"),
                  encoding="utf-8") as f:
            return f.read()

    def fake(self, text):
        """A dot of ours, alone on the PATH."""
        path = os.path.join(self.bin, "dot")
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nPATH=/usr/bin:/bin\n" + text)
        os.chmod(path, stat.S_IRWXU)
        return self.bin

    @unittest.skipUnless(shutil.which("dot"), "no graphviz here")
    def test_one_graph(self):
        page = self.page()
        drawing, = re.findall(GRAPH + ".*?</svg>", page)
        for text in ("module shop", "history: list[900]", "shop.Order"):
            self.assertEqual(drawing.count("<title>%s</title>" % text), 1,
                             drawing)
        # history, by_id, two to Order, lines, Line; rows, <i>
        self.assertEqual(drawing.count('class="arrow"'), 8)
        self.assertIn("<title>shop.&lt;i&gt;</title>", drawing)
        # All of it is too wide for a phone.
        self.assertEqual(page.count(ONE_BY_ONE), len(CHAINS))
        # The texts are there to be copied.
        self.assertIn("<pre>module shop -&gt; by_id: dict[900] -&gt; "
                      "shop.Order</pre>", page)
        self.assertEqual(self.page(), page)

    @unittest.skipUnless(shutil.which("dot"), "no graphviz here")
    def test_one_graph_for_phones_too(self):
        self.record(CHAINS[:2])
        page = self.page()
        self.assertEqual(re.findall('svg class="draw (\\w+)"[^>]*' + GRAPH,
                                    page), ["wide", "narrow"])
        self.assertNotIn(ONE_BY_ONE, page)

    def test_without_dot(self):
        page = self.page(self.bin)
        self.assertEqual(page.count(ONE_BY_ONE), 8)
        self.assertNotIn(GRAPH, page)
        self.assertEqual(self.page(self.bin), page)

    def test_dot_that_is_none(self):
        plain = self.page(self.bin)
        good = "graph 1 1 1\\nstop\\n"
        for text in ("exit 1", "printf '%s'" % good, "cat", "yes '<script>'",
                     "printf 'graph 1 1 1\\nnode n0 nan nan\\nstop\\n'",
                     "kill -9 $$"):
            self.assertEqual(self.page(self.fake(text)), plain, text)

    def test_dot_that_hangs(self):
        plain = self.page(self.bin)
        path = self.fake("echo $$ >>%s/pids\nexec sleep 600\n" % self.folder)
        began = time.monotonic()
        self.assertEqual(self.page(path), plain)
        self.assertLess(time.monotonic() - began, 60)
        with open(os.path.join(self.folder, "pids"), encoding="utf-8") as f:
            pids = f.read().split()
        self.assertEqual(len(pids), 1)  # it is not asked again
        self.assertFalse(support.alive(int(pids[0])))

    def test_nothing_of_the_target_is_asked(self):
        asked = os.path.join(self.folder, "asked")
        self.page(self.fake("cat >>%s" % asked))
        with open(asked, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("n0 -> n1", text)
        left = re.sub(r"n\d+|\b(digraph g|graph|node|edge|rankdir|LR|TB|"
                      r"nodesep|ranksep|shape|box|fixedsize|true|label|height|"
                      r"width|arrowhead|none)\b", "", text)
        self.assertRegex(left, r'^[\s\d.,={}\[\]">-]*$')


if __name__ == "__main__":
    unittest.main()
