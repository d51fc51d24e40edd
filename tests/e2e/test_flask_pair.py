"""A real service: Flask under gunicorn with two prefork workers."""

import difflib
import glob
import os
import unittest

import support

FOLDER = os.path.join(support.ROOT, "tests", "patients", "flask_pair")


class FlaskPairTest(support.Case):
    timeout = 170

    def setUp(self):
        super().setUp()
        if not os.path.exists(os.path.join(support.VENV, "gunicorn")):
            self.skipTest("no build/venv (tests/setup.sh check makes it)")

    def judge(self, twin, payload="0"):
        port = str(support.free_port())
        r = self.plateau("run", "scenarios/flask.ini", cwd=support.ROOT,
                         timeout=120, env={
                             "SHOP_TWIN": twin, "SHOP_PORT": port,
                             "SHOP_PAYLOAD": payload})
        self.assertEqual(support.pids_with("127.0.0.1:" + port), [])
        return r

    def test_leaking_twin(self):
        r = self.judge("leaking")
        self.expect_status(r, 1)
        self.assertTrue([b for b in r.verdict()["blames"]
                         if b["named"] and b["kind"] == "order"], r.told())

    def test_leaking_two_kilobytes(self):
        r = self.judge("leaking", "2048")
        self.expect_status(r, 1)
        sizes = [b["slope"] for b in r.verdict()["blames"] if b["named"]
                 and b["kind"] == "order" and b["metric"] in
                 ("rss_bytes", "pss_bytes", "uss_bytes", "pss_anon_bytes",
                  "native_inuse_bytes")]
        self.assertTrue(sizes, r.told())
        for size in sizes:  # the object itself takes some 200 bytes more
            self.assertTrue(1900 < size < 2900, r.told())

    def test_fixed_twin(self):
        r = self.judge("fixed")
        self.expect_status(r, 0)

    def test_fixed_twin_with_two_kilobytes(self):
        self.expect_status(self.judge("fixed", "2048"), 0)

    def outside(self, twin, *more, see="outside"):
        """scenarios/flask-outside.ini: nothing is installed in the target."""
        port = str(support.free_port())
        r = self.plateau("run", "scenarios/flask-outside.ini", *more,
                         cwd=support.ROOT, timeout=120, env={
                             "SHOP_TWIN": twin, "SHOP_PORT": port,
                             "SHOP_SEE": see})
        self.assertEqual(support.pids_with("127.0.0.1:" + port), [])
        return r

    def test_leak_counted_from_outside(self):
        """The type is certain where resident memory cannot tell yet."""
        r = self.outside("leaking")
        self.expect_status(r, 1)
        verdict = r.verdict()
        self.assertLessEqual(verdict["requests"], 3000, r.told())
        self.assertTrue([b for b in verdict["blames"]
                         if b["named"] and b["kind"] == "order" and
                         b["metric"] == "objects:leaking.Order" and
                         0.99 < b["slope"] < 1.01], r.told())
        self.assertEqual({b["kind"] for b in verdict["blames"] if b["named"]},
                         {"order"}, r.told())
        self.assertEqual(verdict["cause"]["class"], "live_objects")
        self.assertEqual(verdict["types"][0]["type"], "leaking.Order")
        self.assertNotEqual(r.metric("rss_bytes")["verdict"], "leak",
                            r.told())
        self.assertIn("1.00 leaking.Order (64 B) per order", r.told())
        # werkzeug's memo of URLs fills meanwhile: beside the leak, that only
        # distracts.
        chains = verdict["diagnosis"]["chains"]
        self.assertRegex(chains[0]["text"], r"^module leaking -> history: "
                         r"list\[[\d,]+\] -> leaking\.Order$")
        sure = [t["type"] for t in verdict["types"] if t["significant"]]
        self.assertEqual([c for c in chains if c["type"] not in sure], [])
        self.assertNotIn("not proven", r.out)
        self.assertNotIn("is full now", r.out)

    @unittest.skipUnless(glob.glob(os.path.join(
        os.path.dirname(support.VENV), "lib", "*", "site-packages",
        "pympler")), "no pympler in build/venv")
    def test_what_the_list_holds_in_all(self):
        """As pympler counts in the service, which has it."""
        r = self.outside("leaking", "--set", "target.env.SHOP_PAYLOAD=2048",
                         see="agent")
        self.expect_status(r, 1)
        chain = r.verdict()["diagnosis"]["chains"][0]
        self.assertEqual(chain["type"], "leaking.Order", r.told())
        deep = chain["deep"]
        self.assertEqual((deep["holder"], deep["whole"], deep["least"]),
                         ("history", True, False))
        # Two KiB of payload, the object, its strings and numbers.
        each = deep["bytes"] / chain["instances"]
        self.assertTrue(2100 < each < 2900, (deep, chain))
        self.assertRegex(" ".join(r.out.split()),
                         r"history holds [\d.]+ MiB in all, in one of the "
                         r"processes \(pympler\)")
        self.assertIn("MiB in all", r.text("report.html"))
        with open(r.path("diagnosis.json"), encoding="utf-8") as f:
            self.assertIn('"tool":"pympler"', f.read().replace(" ", ""))

    def test_fixed_twin_from_outside(self):
        self.expect_status(self.outside("fixed"), 0)

    def test_leak_by_resident_memory_alone(self):
        """The same leak and load, and not one object counted."""
        r = self.outside("leaking", "--set", "load.blocks=8",
                         see="off")
        self.expect_status(r, 3)
        self.assertFalse([m for m in r.verdict()["metrics"]
                          if m["name"].startswith("py_")], r.told())

    def test_twins_differ_in_the_leak_only(self):
        texts = []
        for name in ("fixed.py", "leaking.py"):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
                texts.append(f.read().splitlines()[1:])
        changed = [line for line in difflib.ndiff(*texts)
                   if line[0] in "+-"]
        self.assertEqual([line[2:].strip() for line in changed],
                         ["history = []  # the leak: nobody ever reads or "
                          "shortens it", "history.append(order)"])
