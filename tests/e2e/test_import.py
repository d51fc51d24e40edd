"""Recorded traffic: becomes a scenario that is right, and is replayed with
its paths and its timing."""

import http.server
import json
import os
import threading
import time

import support

LINE = ('10.0.0.1 - frank [22/Nov/2026:10:15:%02d +0000] "%s HTTP/1.1" %d 5 '
        '"-" "agent"\n')


def log(entries):
    return "".join(LINE % entry for entry in entries)


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        self.server.seen.append((time.monotonic(), self.command, self.path))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


class ImportTest(support.Case):
    def test_a_log_becomes_a_scenario(self):
        path = self.write("access.log", log(
            [(i % 60, "GET /items/%d?token=hush%d" % (i, i), 200)
             for i in range(50)] + [(3, "POST /orders", 201)]))
        r = self.plateau("import", "combined", path)
        self.expect_status(r, 0)
        self.assertIn("path   = /items/{{int 0 49}}\n", r.out)
        self.assertNotIn("hush", r.out + r.err)
        self.assertIn("51 of 51", r.err)
        check = self.plateau("check", self.write("made.ini", r.out))
        self.expect_status(check, 0)
        self.assertEqual(check.err, "")
        made = json.loads(self.plateau("import", "combined", path, "--json",
                                       "--quiet").out)
        self.assertEqual(made["scenario"], r.out)
        self.assertEqual((made["taken"], made["secrets"]), (51, 50))

    def test_out_writes_and_never_overwrites(self):
        path = self.write("access.log", log([(0, "GET /", 200)]))
        made = os.path.join(self.folder, "made.ini")
        r = self.plateau("import", "common", path, "--out", made)
        self.expect_status(r, 0)
        self.assertEqual(r.out, "")
        self.expect_status(self.plateau("check", made), 0)
        again = self.plateau("import", "common", path, "--out", made)
        self.expect_status(again, 2)
        self.assertIn("not overwritten", again.err)

    def test_wrong_uses(self):
        path = self.write("empty.log", "")
        for arguments in ([], ["combined"], ["comined", path],
                          ["combined", path], ["har", path],
                          ["combined", self.folder],
                          ["combined", path, "--kinds", "x"]):
            r = self.plateau("import", *arguments)
            self.assertEqual(r.status, 2, r.told())
            self.assertEqual(r.out, "")
        self.assertIn("did you mean 'combined'",
                      self.plateau("import", "comined", path).err)


class ReplayTest(support.Case):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Recorder)
        self.server.seen = []
        self.server.daemon_threads = True
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)

    def test_paths_and_timing(self):
        entries = [(0, "GET /items/17?page=2", 200), (1, "GET /items/4", 200),
                   (2, "GET /a b", 200), (4, "GET /items/9?token=x&q=y", 200),
                   (4, "GET /", 200), (5, "GET /items/8", 200)]
        self.write("access.log", log(entries))
        scenario = self.write("replay.ini", """\
[target]
url = http://127.0.0.1:%d
pid = %d
[load]
warmup = 0s
blocks = 1
block = 6 requests
settle = 0s
[replay]
file = access.log
speed = 4x
[verdict]
stop = end
""" % (self.server.server_address[1], os.getpid()))
        check = self.plateau("check", scenario)
        self.expect_status(check, 0)
        self.assertIn("6 recorded requests, 4x as fast", check.out)
        for _ in range(8):
            off = self.replayed(scenario)
            if off < 0.1 * support.SLOW:
                break
        # A busy machine is late now and then, a wrong replay each time.
        self.assertLess(off, 0.1 * support.SLOW)

    def replayed(self, scenario):
        """Checks what came; gives by how much the worst was off its time."""
        self.server.seen.clear()
        run = self.plateau("run", scenario)
        self.assertIn(run.status, (0, 1, 3), run.told())
        seen = [s for s in self.server.seen if s[1] == "GET"]
        self.assertEqual([path for _, _, path in seen],
                         ["/items/17?page=2", "/items/4", "/a%20b",
                          "/items/9?q=y", "/", "/items/8"], run.told())
        due = [0, 0.25, 0.5, 1, 1.125, 1.25]
        return max(abs(at - seen[0][0] - want)
                   for (at, _, _), want in zip(seen, due))

    def test_mistakes(self):
        self.write("access.log", "nonsense\n")
        for section, want in (("file = missing.log", "cannot be read"),
                              ("file = access.log", "no request found"),
                              ("speed = 2x", "names no file")):
            r = self.plateau("check", self.write(
                "replay.ini", "[target]\nport = 1\n[replay]\n%s\n" % section))
            self.expect_status(r, 2)
            self.assertIn(want, r.out)
            if "file" in section:
                self.assertIn("replay.ini:4: ", r.out)
