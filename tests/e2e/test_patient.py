"""The patient does what it is asked to, exactly: the other tests rely on it."""

import http.client
import json
import os
import signal
import socket
import time

import support
from support import ask


class PatientCase(support.Case):
    def start(self, *options):
        self.server = self.leaky(*options)
        self.client = support.Client(self.server.port)
        self.addCleanup(self.client.close)
        self.client.ask("/ok", 50)  # first use of everything

    def rss(self):
        return support.memory_of(self.server.pid)


class MemoryTest(PatientCase):
    def growth(self, path, requests):
        """Bytes per request: of RSS, and of the heap in use."""
        before, rss = self.client.stats(), self.rss()
        self.client.ask(path, requests)
        after = self.client.stats()
        self.live = (after["live_bytes"] - before["live_bytes"]) / requests
        return ((self.rss() - rss) / requests,
                (after["heap_inuse_bytes"] - before["heap_inuse_bytes"])
                / requests)

    def test_leaks_what_it_says(self):
        self.start("--leak", "2048", "--leak-kind", "3:512")
        for path, bytes_each in (("/orders", 2048), ("/k/3", 512),
                                 ("/do/leak:4096:many", 4096)):
            rss, heap = self.growth(path, 2000)
            self.assertEqual(self.live, bytes_each, path)
            self.assertAlmostEqual(heap, bytes_each, delta=2, msg=path)
            self.assertAlmostEqual(rss / bytes_each, 1, delta=0.12, msg=path)

    def test_leaks_by_mapping(self):
        self.start()
        rss, heap = self.growth("/do/leak:8192:mmap", 1000)
        self.assertAlmostEqual(rss / 8192, 1, delta=0.05)
        self.assertLess(heap, 10)

    def test_leaks_one_in_ten(self):
        self.start()
        _, heap = self.growth("/do/leak:2000:one:10", 1000)
        self.assertAlmostEqual(heap, 200, delta=5)

    def test_leaks_objects_by_the_thousandth(self):
        self.start("--on", "/k/1=objects:2500")
        before = self.client.stats()["live_objects"]
        _, heap = self.growth("/k/1", 4000)
        counted = self.client.stats()["live_objects"] - before
        self.assertEqual(counted * 64 / 4000, self.live)
        self.assertAlmostEqual(counted / 4000, 2.5, delta=0.05)
        self.assertAlmostEqual(heap / self.live, 1, delta=0.02)

    def test_leaks_per_connection(self):
        self.start("--conn-leak", "4096")
        before = self.client.stats()["live_bytes"]
        for _ in range(10):
            ask(self.server.port, "/ok")
        self.assertEqual(self.client.stats()["live_bytes"] - before, 40960)

    def test_other_paths_stay_flat(self):
        self.start("--leak", "2048")
        for path in ("/ok", "/k/3", "/products/4", "/do/churn:100K"):
            rss, heap = self.growth(path, 1000)
            self.assertLess(abs(heap), 1, path)
            self.assertLess(rss, 140, path)

    def test_bounded_cache(self):
        self.start("--on", "/c=cache:500:2K")
        self.assertAlmostEqual(self.growth("/c", 500)[1], 2048, delta=10)
        self.assertAlmostEqual(self.growth("/c", 1000)[1], 0, delta=1)
        self.assertEqual(self.client.stats()["live_bytes"], 0)
        self.assertEqual(self.client.stats()["held_bytes"], 500 * 2048)

    def test_lookup_fills_ever_more_slowly(self):
        self.start("--on", "/c=lookup:500:2K")
        first, second = (self.growth("/c", 500)[1] for _ in range(2))
        self.assertGreater(first, 900)
        self.assertLess(second, first / 2)

    def test_sawtooth_gives_back(self):
        self.start("--on", "/s=sawtooth:64K:4M")
        seen = []
        for _ in range(200):
            self.client.ask("/s")
            seen.append(self.rss())
        falls = sum(1 for a, b in zip(seen, seen[1:]) if a - b > 2 << 20)
        self.assertEqual(falls, 3)

    def test_step(self):
        self.start("--on", "/s=step:100:4M")
        self.assertLess(self.growth("/s", 99)[1], 2)
        self.assertAlmostEqual(self.growth("/s", 1)[1], 4 << 20, delta=4096)
        self.assertLess(self.growth("/s", 200)[1], 2)

    def test_burst_stays_and_hides_a_leak(self):
        self.start("--on", "/b=burst:1:30M")
        rss, heap = self.growth("/b", 1)
        self.assertGreater(rss, 29 << 20)  # kept, with nothing live
        self.assertLess(heap, 10000)
        rss, heap = self.growth("/do/leak:10240", 1000)
        self.assertAlmostEqual(heap, 10240, delta=5)
        self.assertLess(rss, 200)  # hidden

    def test_once_per_distinct_value(self):
        self.start("--on", "/d=distinct:1024")
        before = self.client.stats()["live_bytes"]
        for i in range(300):
            self.client.ask("/d?user=%d" % (i % 100))
        self.assertEqual(self.client.stats()["live_bytes"] - before,
                         100 * 1024)

    def test_leaks_by_the_clock(self):
        self.start("--time-leak", "1M")
        support.until(lambda: self.client.stats()["live_bytes"] > 1 << 20, 5,
                      "a second's leak")

    def test_descriptors_and_threads(self):
        self.start("--on", "/p=fd:pipe")
        folder = "/proc/%d/" % self.server.pid
        for path, where, each in (("/do/fd", "fd", 1), ("/p", "fd", 2),
                                  ("/do/fd:socket", "fd", 1),
                                  ("/do/thread", "task", 1)):
            before = len(os.listdir(folder + where))
            self.client.ask(path, 20)
            self.assertEqual(len(os.listdir(folder + where)) - before,
                             20 * each, path)

    def test_copy_on_write(self):
        self.start("--workers", "1", "--on", "/w=cow:8M:64K")

        def private():
            with open("/proc/%d/smaps_rollup" % self.client.stats()["pid"],
                      encoding="ascii") as f:
                return sum(int(line.split()[1]) for line in f
                           if line.startswith("Private_Dirty"))
        before = private()
        self.client.ask("/w", 100)
        grown = private() - before
        self.assertAlmostEqual(grown, 6400, delta=300)
        self.client.ask("/w", 200)
        self.assertAlmostEqual(private() - before, 8192, delta=300)

    def test_page_cache_is_no_memory_of_ours(self):
        self.start()
        rss, heap = self.growth("/do/pagecache:100K", 100)
        self.assertLess(rss, 3000)
        self.assertLess(heap, 100)


class WireTest(PatientCase):
    def setUp(self):
        super().setUp()
        self.start()

    def raw(self, path, limit=1 << 20, wait_s=20):
        """What comes back, until the end or the limit."""
        with socket.create_connection(("127.0.0.1", self.server.port),
                                      timeout=wait_s) as s:
            s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
            got = b""
            try:
                while len(got) < limit:
                    part = s.recv(65536)
                    if not part:
                        return got, "closed"
                    got += part
            except socket.timeout:
                return got, "open"
            except ConnectionResetError:
                return got, "reset"
            return got, "more"

    def test_statuses(self):
        self.assertEqual(ask(self.server.port, "/nowhere")[0], 404)
        self.assertEqual(ask(self.server.port, "/do/nonsense")[0], 404)
        self.assertEqual(ask(self.server.port, "/do/status:503")[0], 503)
        seen = [self.client.ask("/do/status:500:4") for _ in range(8)]
        self.assertEqual(seen.count(500), 2)

    def test_bodies(self):
        for path, size in (("/do/big:1048576", 1048576), ("/do/chunked", 3),
                           ("/do/chunked:100001", 100001),
                           ("/do/chunked:1M", 1 << 20)):
            status, _, body = ask(self.server.port, path)
            self.assertEqual((status, len(body)), (200, size), path)
        body = bytes(range(256)) * 8192
        got = json.loads(ask(self.server.port, "/digest", "POST", body)[2])
        digest = 14695981039346656037
        for b in bytes(range(256)) * 16:  # FNV-1a of a short one, by hand
            digest = (digest ^ b) * 1099511628211 % (1 << 64)
        self.assertEqual(got["length"], len(body))
        got = json.loads(ask(self.server.port, "/digest", "POST",
                             bytes(range(256)) * 16)[2])
        self.assertEqual(got["fnv1a64"], "%016x" % digest)

    def test_orders_are_captured_three_ways(self):
        status, headers, body = ask(self.server.port, "/orders", "POST", b"{}")
        order = json.loads(body)
        self.assertEqual(status, 201)
        self.assertEqual(headers["Location"], "/orders/%d" % order["id"])
        self.assertEqual(order["ref"], "ref-%d" % order["id"])
        self.assertEqual(ask(self.server.port, headers["Location"])[0], 200)
        self.assertEqual(ask(self.server.port, "/orders/99999")[0], 404)

    def test_cookies(self):
        self.assertEqual(ask(self.server.port, "/me")[0], 401)
        cookie = ask(self.server.port, "/login")[1]["Set-Cookie"]
        status, _, body = ask(self.server.port, "/me", headers={
            "Cookie": cookie.split(";")[0]})
        self.assertEqual(status, 200)
        self.assertIn(body.decode().strip(), cookie)

    def test_redirects(self):
        to = "http://other.example:81/x"
        self.assertEqual(
            ask(self.server.port, "/redirect?to=" + to)[1]["Location"], to)
        self.assertEqual(
            ask(self.server.port, "/do/redirect:/ok")[1]["Location"], "/ok")

    def test_not_http(self):
        self.assertIn(b"two hundred", self.raw("/do/badstatus")[0])
        self.assertEqual(self.raw("/do/drop"), (b"", "closed"))
        self.assertEqual(self.raw("/do/reset"), (b"", "reset"))
        self.assertEqual(self.raw("/do/hang", wait_s=0.3), (b"", "open"))
        got, how = self.raw("/do/half")
        self.assertEqual((got[-3:], how), (b"ok\n", "closed"))
        with self.assertRaises(http.client.IncompleteRead):
            ask(self.server.port, "/do/cut")
        self.assertEqual(self.raw("/do/endless")[1], "more")

    def test_slow_and_trickle(self):
        began = time.monotonic()
        self.assertEqual(ask(self.server.port, "/do/slow:200")[0], 200)
        self.assertGreater(time.monotonic() - began, 0.19)
        began = time.monotonic()
        self.assertEqual(ask(self.server.port, "/do/trickle:2")[2], b"ok\n")
        self.assertGreater(time.monotonic() - began, 0.1)

    def test_slow_requests_do_not_hold_up_others(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as s:
            s.sendall(b"GET /do/slow:20000 HTTP/1.1\r\nHost: x\r\n\r\n")
            began = time.monotonic()
            self.client.ask("/ok", 10)
            self.assertLess(time.monotonic() - began, 15)

    def test_pipelined_requests_are_all_answered(self):
        with socket.create_connection(("127.0.0.1", self.server.port),
                                      timeout=30) as s:
            s.sendall(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            got = b""
            while got.count(b"ok\n") < 50:
                part = s.recv(65536)
                self.assertTrue(part)
                got += part


class LifeTest(PatientCase):
    def test_dies_when_told(self):
        for how, code in (("exit", 3), ("segv", -signal.SIGSEGV),
                          ("kill", -signal.SIGKILL)):
            self.start("--on", "/x=die:3:" + how)
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.client.ask("/x", 3)
            self.assertEqual(self.server.process.wait(timeout=30), code)

    def test_ready_after(self):
        self.start("--ready-after", "600000")
        self.assertEqual(ask(self.server.port, "/health")[0], 503)
        self.start("--ready-after", "300")
        support.until(lambda: ask(self.server.port, "/health")[0] == 200, 5,
                      "health")

    def test_workers_are_recycled_and_share_counts(self):
        self.start("--workers", "2", "--recycle", "100", "--leak", "1024")
        pids = set()
        for _ in range(500):
            status, _, _ = ask(self.server.port, "/orders", "POST", b"{}")
            self.assertEqual(status, 201)
            pids.add(json.loads(ask(self.server.port, "/stats")[2])["pid"])
        self.assertGreaterEqual(len(pids), 6)
        last = json.loads(ask(self.server.port, "/stats")[2])
        self.assertEqual(last["orders"], 500)
        self.assertLessEqual(last["live_bytes"], 110 * 1024)

    def test_workers_end_with_their_master(self):
        self.start("--workers", "2")
        worker = self.client.stats()["pid"]
        self.assertNotEqual(worker, self.server.pid)
        os.kill(self.server.pid, signal.SIGKILL)
        support.until(lambda: not support.alive(worker), 30, "worker's end")

    def test_freezes(self):
        self.start("--freeze", "300/1")
        worst = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            began = time.monotonic()
            self.client.ask("/ok")
            worst = max(worst, time.monotonic() - began)
        self.assertGreater(worst, 0.25)

    def test_log_holds_requests_as_received(self):
        log = os.path.join(self.folder, "log")
        self.start("--log", log)
        ask(self.server.port, "/echo?a=1", "POST", b"hello",
            {"X-Test": "yes"})
        with open(log, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("POST /echo?a=1 HTTP/1.1", text)
        self.assertIn("X-Test: yes", text)
        self.assertIn("hello", text)

    def test_wrong_options_are_refused(self):
        for wrong in (["--on", "/x=leek:1"], ["--on", "/x=leak"],
                      ["--port", "x"], ["--nope", "1"], ["--leak"]):
            s = self.service([support.LEAKY] + wrong)
            self.assertEqual(s.process.wait(timeout=30), 2, wrong)
