"""A real service: Flask under gunicorn with two prefork workers."""

import difflib
import os

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
