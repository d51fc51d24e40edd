"""The diagnosis after a leak: who holds it, also what has no type of its own
or no holder at all; bounded in time whatever the service does meanwhile, and
without a word on the verdict."""

import json
import os
import re
import signal
import subprocess
import unittest

import support

SERVICE = """
import collections, ctypes, functools, gc, http.server, os, sys, time, tracemalloc
class Order:
    def __init__(self, path):
        self.path = path
class Shop:
    history = []
    rows = []
    recent = collections.deque(maxlen=90000)
NAME = "his\\0tory\\ud800" + "x" * 3000000
setattr(Shop, NAME, [])
@functools.lru_cache(maxsize=7000)
def find(path):
    return Order(path)
def page(path):
    # The agent traces allocations in the diagnosis only.
    if tracemalloc.is_tracing():
        if MODE == "die":
            os._exit(3)
        if MODE == "hang":
            ctypes.PyDLL(None).sleep(3600)  # and nobody else runs
    if path.startswith("/order"):
        if MODE == "rows":
            Shop.rows += [{i: [path]} for i in range(20)]
        elif MODE == "lost":
            for _ in range(20):
                order = Order(path)
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(order))
        elif MODE == "native":
            ctypes.memset(malloc(20000), 1, 20000)
        elif MODE == "recent":
            Shop.recent.extend(Order(path) for _ in range(40))
        elif MODE == "memo":
            find(path)
        elif MODE == "names":
            getattr(Shop, NAME).extend(Order(path) for _ in range(40))
        else:
            Shop.history += [Order(path) for _ in range(40)]
    return b"ok"
malloc = ctypes.CDLL(None).malloc
malloc.restype = ctypes.c_void_p
MODE = sys.argv[2]
def junk(line):
    return {"error": 5} if line.startswith(b"holders") else \\
        {"fresh": "\\ud800"} if line.startswith(b"instances") else \\
        answer(line)
if MODE == "junk":
    agent, = (o.__globals__ for o in gc.get_objects()
              if type(o) is type(page) and o.__name__ == "_holders")
    answer = agent["_answer"]
    agent.update(_answer=junk, _plain=lambda answer: answer)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment
    def do_GET(self):
        body = page(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

CHAIN = r"class __main__\.Shop -> history: list\[[\d,]+\] -> __main__\.Order$"


class DiagnosisTest(support.ScenarioCase):
    serial = True
    timeout = 300
    STOP = "end"
    LOAD = {"rate": "400/s", "connections": "4", "warmup": "1s",
            "blocks": "10", "block": "200 requests", "settle": "200ms",
            "max_time": "120s"}
    REQUESTS = {"order": "path = /order/{{seq}}\nweight = 1",
                "look": "path = /look\nweight = 3"}

    def written(self, python, mode="orders"):
        service = self.write("service.py", SERVICE)
        scenario = self.scenario(
            [], self.REQUESTS, more="python = " + python,
            command="/usr/bin/python3 %s %%PORT%% %s" % (service, mode))
        with open(scenario, encoding="utf-8") as f:
            text = f.read().replace("%PORT%", str(self.port))
        return self.write("scenario.ini", text)

    def run_with(self, python, *flags, mode="orders"):
        r = self.plateau("run", self.written(python, mode), *flags)
        self.expect_status(r, 1)
        return r

    def chains(self, result):
        with open(result.path("diagnosis.json"), encoding="utf-8") as f:
            found = json.load(f)
        return found, [c for c in found["chains"]
                       if re.search(CHAIN, c["chain"])]

    def test_from_outside(self):
        r = self.run_with("outside")
        found, chains = self.chains(r)
        self.assertEqual(found["method"], "from outside")
        self.assertEqual(len(chains), 1, found)
        self.assertEqual(chains[0]["type"], "__main__.Order")
        self.assertGreaterEqual(chains[0]["found"], 14)
        # Said where people read it.
        self.assertIn("class __main__.Shop", r.out)
        self.assertIn("class __main__.Shop", r.text("report.html"))
        # Nothing that the diagnosis did is among the readings.
        self.assertEqual(int(r.rows("barriers.csv")[-1]["block"]), 10)

    def test_plain_dicts_from_outside(self):
        """Thousands of dicts were there before: those that came are told."""
        found, _ = self.chains(self.run_with("outside", mode="rows"))
        chains = [c for c in found["chains"] if c["type"] == "builtins.dict"]
        self.assertRegex(chains[0]["chain"],
                         r"^class __main__\.Shop -> rows: list\[[\d,]+\] -> "
                         r"dict\[1\]$")
        self.assertGreaterEqual(chains[0]["found"], 14)

    def test_plain_dicts_through_the_agent(self):
        found, _ = self.chains(self.run_with("agent", mode="rows"))
        self.assertEqual(found["method"], "through the agent")
        chains = [c for c in found["chains"] if c["type"] == "builtins.dict"]
        self.assertRegex(chains[0]["chain"],
                         r"^class __main__\.Shop -> rows: list\[[\d,]+\] -> "
                         r"dict\[1\]$")
        # A connection has dicts of its own: one of them may be in the sample.
        self.assertGreaterEqual(chains[0]["found"], chains[0]["sampled"] - 1)
        # Nothing is said where the service has no pympler.
        self.assertFalse([c for c in found["chains"] if "deep" in c], found)
        self.assertRegex(found["sites"][0]["where"], r"service\.py:\d+$")

    def test_names_that_are_no_text(self):
        """What the service calls things may be long, or no Unicode."""
        found, _ = self.chains(self.run_with("agent", mode="names"))
        chain, = [c["chain"] for c in found["chains"]
                  if c["type"] == "__main__.Order"][:1]
        self.assertEqual([n for n in found["notes"] if "agent" in n], [])
        self.assertTrue(chain.startswith("class __main__.Shop -> his"), found)
        self.assertTrue(chain.endswith("] -> __main__.Order"), found)
        self.assertLess(len(chain), 5000)

    def test_answers_that_are_none(self):
        """An agent that says what cannot be read is told once."""
        found, _ = self.chains(self.run_with("agent", mode="junk"))
        notes = [n for n in found["notes"] if "agent" in n]
        self.assertEqual([n for n in notes if "not be read" in n],
                         ["the agent's answer could not be read"], notes)
        self.assertNotIn("(null)", "".join(notes))

    def test_held_by_nothing_in_python(self):
        for python in ("outside", "agent"):
            found, _ = self.chains(self.run_with(python, mode="lost"))
            held = [c["chain"] for c in found["chains"]
                    if c["type"] == "__main__.Order"]
            self.assertEqual(len(held), 1, found)
            self.assertIn("nothing in Python: C code", held[0])

    def test_native_memory_is_held_by_no_type(self):
        """Of hundreds of types some seem to grow: too little to be it."""
        r = self.run_with("outside", mode="native")
        v = r.verdict()
        self.assertEqual(v["cause"]["class"], "native_heap", v["cause"])
        sure = [t["type"] for t in v["types"] if t["significant"]]
        self.assertEqual([c for c in v["diagnosis"]["chains"]
                          if c["type"] not in sure], [])
        self.assertNotIn("not proven", r.out)

    def bounded(self, python, mode, container, limit, each, chain):
        """What fills and has a limit is called a leak by a short run, rightly;
        and told what it may be."""
        r = self.run_with(python, mode=mode)
        found = r.verdict()["diagnosis"]["chains"][0]
        self.assertRegex(found["text"], chain)
        bound = found["bound"]
        self.assertEqual((bound["container"], bound["limit"], bound["entry"]),
                         (container, limit, "__main__.Order"), bound)
        # Each of ten blocks asks 50 times; the warm-up is a second's worth.
        self.assertGreater(bound["size"], 400 * each)
        more = (limit - bound["size"]) / each
        self.assertLess(abs(bound["more_requests"] / more - 1), 0.02, bound)
        said = re.search(
            r"the %s holds ([\d,]+) of at most ([\d,]+): if that is what fills,"
            r" the growth ends after about ([\d,]+) more requests of order; "
            r"run that long to tell" % container, " ".join(r.out.split()))
        self.assertTrue(said, r.out)
        numbers = [int(n.replace(",", "")) for n in said.groups()]
        self.assertEqual(numbers[:2], [bound["size"], limit])
        self.assertLess(abs(numbers[2] / more - 1), 0.12)
        for name in ("report.html", "summary.md"):
            self.assertIn("if that is what fills", r.text(name))

    def test_deque_with_a_limit_from_outside(self):
        self.bounded("outside", "recent", "deque", 90000, 40,
                     r"^class __main__\.Shop -> recent: collections\.deque"
                     r"\[[\d,]+, at most 90,000\] -> __main__\.Order$")

    def test_memo_with_a_limit_through_the_agent(self):
        self.bounded("agent", "memo", "lru_cache", 7000, 1,
                     r"^module __main__ -> find: functools\.lru_cache"
                     r"\[[\d,]+, at most 7,000\] -> __main__\.Order$")

    def cut_short(self, mode, word):
        r = self.run_with("agent", "--set", "verdict.diagnose_time=6s",
                          mode=mode)
        found, _ = self.chains(r)
        self.assertLess(found["seconds"], 6 + 6 * support.SLOW)
        self.assertRegex("\n".join(found["notes"]), word)
        # The run's own words and readings are what they were without it.
        self.assertEqual(r.verdict()["verdict"], "leak")
        self.assertEqual(int(r.rows("barriers.csv")[-1]["block"]), 10)
        again = self.plateau("analyze", r.directory)
        self.expect_status(again, 1)

    def test_service_that_hangs_meanwhile(self):
        self.cut_short("hang", "did not answer")

    def test_service_that_dies_meanwhile(self):
        self.cut_short("die", "cut short: (the target ended|no process)")

    def test_interrupted_meanwhile(self):
        out = os.path.join(self.folder, "run")
        child = subprocess.Popen(
            [support.PLATEAU, "run", "--out", out,
             self.written("agent", "hang")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait, 10)
        self.addCleanup(child.kill)
        for line in child.stderr:
            if "looking for its holder" in line:
                break
        child.send_signal(signal.SIGINT)
        child.stderr.read()
        said = child.stdout.read()
        self.assertEqual(child.wait(60 * support.SLOW), 1, said)
        self.assertIn("LEAK", said)
        with open(os.path.join(out, "diagnosis.json"), encoding="utf-8") as f:
            self.assertIn("cut short: Interrupt", f.read())

    @unittest.skipUnless(os.path.exists(os.path.join(support.MEMRAY,
                                                     "memray")),
                         "no memray in build/memray")
    def test_flame_graph_where_the_target_has_memray(self):
        path = self.written("agent")
        with open(path, encoding="utf-8") as f:
            text = f.read().replace("/usr/bin/python3",
                                    os.path.join(support.MEMRAY, "python"))
        r = self.plateau("run", self.write("memray.ini", text), "--set",
                         "verdict.diagnose_time=60s")
        self.expect_status(r, 1)
        found, chains = self.chains(r)
        self.assertEqual(len(chains), 1, found)
        self.assertEqual(found.get("flamegraph"), "flamegraph.html", found)
        self.assertIn("service.py", r.text("flamegraph.html"))
        self.assertIn('href="flamegraph.html"', r.text("report.html"))
        # What was made to look on is not among what stayed.
        self.assertNotIn("memray", found["sites"][0]["trace"])

    def test_turned_off(self):
        r = self.run_with("outside", "--no-diagnose")
        self.assertFalse(os.path.exists(r.path("diagnosis.json")))
        self.assertNotIn("class __main__.Shop", r.out)


if __name__ == "__main__":
    unittest.main()
