"""The leak that takes days by hand: a Celery task class builds a client per
task and keeps each in a class attribute. An HTTP front, a real Redis, a real
worker; the leak is in the worker. One run tells it all, and passes the twin
without it."""

import os
import shutil
import sys
import unittest

import support

PATIENTS = os.path.join(support.ROOT, "tests", "patients")
sys.path.insert(0, PATIENTS)

import servers  # noqa: E402

HELD = "class celery_client.StoreTask -> backends: list["


@unittest.skipUnless(shutil.which("redis-server") or
                     shutil.which("redis-check-rdb"), "no Redis here")
@unittest.skipUnless(os.path.exists(os.path.join(support.VENV, "celery")),
                     "no celery in build/venv")
class WarStoryTest(support.ScenarioCase):
    serial = True
    timeout = 300
    STOP = "end"
    LOAD = {"rate": "100/s", "connections": "8", "warmup": "3s",
            "blocks": "8", "block": "160 requests", "settle": "500ms",
            "max_time": "90s"}
    REQUESTS = {"browse": "path = /browse/{{int 1 500}}\nweight = 2",
                "search": "path = /search?q=a+b\nweight = 1",
                "work": "method = POST\npath = /work\nexpect = 201\n"
                        "weight = 2"}

    def setUp(self):
        super().setUp()
        started = servers.Servers()
        self.addCleanup(started.stop)
        self.redis = started.redis()

    def run_twin(self, twin):
        python = os.path.join(support.VENV, "python")
        path = self.scenario(
            [], self.REQUESTS, command="%s celery_both.py celery_client %%PORT"
            % python, target="cwd = %s\nenv.PATIENT_TWIN = %s\n"
            "env.PATIENT_REDIS = %s" % (os.path.join(PATIENTS, "python"), twin,
                                        self.redis),
            more="python = agent\n[verdict]\ndiagnose_time = 60s", name=twin)
        with open(path, encoding="utf-8") as f:
            text = f.read().replace("%PORT", str(self.port))
        text = text.replace("within 10s", "within 40s")
        return self.plateau("run", self.write(twin + ".ini", text),
                            timeout=120)

    def test_one_client_per_task(self):
        r = self.run_twin("leaking")
        self.expect_status(r, 1)
        said = r.verdict()
        named = [b for b in said["blames"] if b["named"]]
        self.assertEqual({b["kind"] for b in named}, {"work"}, r.told())
        self.assertIn("celery_client.RedisBackend",
                      [t["type"] for t in said["types"] if t["significant"]])
        self.assertEqual(said["cause"]["class"], "live_objects")
        # Printed for who looks at the terminal, kept for who reads later.
        self.assertIn("work keeps 1.00 celery_client.RedisBackend", r.out)
        for text in (r.out, r.text("report.html")):
            self.assertIn(HELD.replace("->", "-&gt;") if "<html" in text
                          else HELD, text)
        chains = [c["text"] for c in said["diagnosis"]["chains"]
                  if c["type"] == "celery_client.RedisBackend"]
        self.assertRegex(chains[0], r"^class celery_client\.StoreTask -> "
                         r"backends: list\[\d+\] -> "
                         r"celery_client\.RedisBackend$")
        r = self.run_twin("fixed")
        self.expect_status(r, 0)
        self.assertNotIn(HELD, r.out)


if __name__ == "__main__":
    unittest.main()
