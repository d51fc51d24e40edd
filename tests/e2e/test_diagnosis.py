"""A leak in a Python service without an agent: the run itself says who holds
it, and leaves that out when asked to."""

import json
import os
import re

import support

SERVICE = """
import http.server, sys
class Order:
    def __init__(self, path):
        self.path = path
class Shop:
    history = []
    held = {}
def page(path):
    if path.startswith("/order"):
        Shop.history += [Order(path) for _ in range(40)]
    return b"ok"
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

    def run_with(self, python, *flags):
        service = self.write("service.py", SERVICE)
        scenario = self.scenario(
            [], self.REQUESTS, more="python = " + python,
            command="/usr/bin/python3 %s %%PORT%%" % service)
        with open(scenario, encoding="utf-8") as f:
            text = f.read().replace("%PORT%", str(self.port))
        r = self.plateau("run", self.write("scenario.ini", text), *flags)
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

    def test_turned_off(self):
        r = self.run_with("outside", "--no-diagnose")
        self.assertFalse(os.path.exists(r.path("diagnosis.json")))
        self.assertNotIn("class __main__.Shop", r.out)


if __name__ == "__main__":
    import unittest
    unittest.main()
