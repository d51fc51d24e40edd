"""The agent in a Python service: on every Python of this machine, in forked
workers, beside a sitecustomize of the service's own, and in a whole run."""

import glob
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
import unittest

import support

AGENT = os.path.join(support.ROOT, "harness", "sampler", "agent",
                     "plateau_agent.py")

SERVICE = """
import os, sys, time
class Order:
    def __init__(self, number):
        self.number = number
history = []
def take():
    history.append(Order(len(history)))
for _ in range(1000):
    take()
child = os.fork() if "fork" in sys.argv else 0
if child:
    os.write(1, b"child %d\\n" % child)  # one write: they share the pipe
    os.waitpid(child, 0)
    sys.exit(0)
os.write(1, b"ready %d\\n" % os.getpid())
for line in sys.stdin:
    for _ in range(int(line)):
        take()
    print("took", len(history), flush=True)
"""


# What is asked for tells it: nobody shall ask.
DEEP = """
import collections, functools, os, sys, threading
class Loud:
    def __init__(self):
        object.__setattr__(self, "body", bytes(1000))
class Proxy(Loud):
    __class__ = property(lambda self: print("__class__", flush=True))
class Getting(Loud):
    def __getattr__(self, name):
        print(name, flush=True)
class Attribute(Loud):
    def __getattribute__(self, name):
        print(name, flush=True)
class Lazy(dict):
    def items(self):
        print("items", flush=True)
        return ()
class Broken(Exception):
    msg = property(lambda self: print("msg", flush=True))
local = threading.local()
shared = [bytes(1000000)]
class Order:
    def __init__(self):
        self.body = bytes(1000)
        self.proxy, self.getting = Proxy(), Getting()
        self.attribute, self.broken = Attribute(), Broken()
        self.lazy = Lazy(a=bytearray(1000))
        self.local, self.shared = local, shared
class Row:
    def __init__(self):
        self.body = bytearray(1000)
class Item(Row): pass
class Memo(Row): pass
class Many(Row): pass
class Shop:
    rows = {}
history = [Order() for _ in range(3000)]
Shop.rows.update((i, Item()) for i in range(3000))
recent = collections.deque((Row() for _ in range(3000)), 9999)
@functools.lru_cache(maxsize=None)
def memo(i):
    return Memo()
for i in range(3000):
    memo(i)
class Failed(Exception): pass
def fail(rows):
    raise Failed
failures = []
for _ in range(3000):
    try:
        fail([bytearray(1000) for _ in range(5)])
    except Failed as e:
        failures.append(e)
many = [Many() for _ in range(40000)]
print("ready", os.getpid(), flush=True)
sys.stdin.read()
"""


def pythons():
    """Interpreters on this machine, newest path wins a version."""
    found = {}
    for path in (["/usr/bin/python3", sys.executable] + glob.glob(
            os.path.expanduser("~/.pyenv/versions/3.*/bin/python"))):
        if os.access(path, os.X_OK):
            found[os.path.realpath(path)] = path
    return sorted(found.values())


class AgentTest(support.Case):
    def setUp(self):
        super().setUp()
        # A socket's name may be 107 bytes long; test folders are short enough.
        self.agent = os.path.join(self.folder, "agent")
        os.mkdir(self.agent, 0o700)
        shutil.copy(AGENT, os.path.join(self.agent, "sitecustomize.py"))

    def start(self, python, *arguments, path="", text=SERVICE):
        script = self.write("service.py", text)
        child = subprocess.Popen(
            [python, script, *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=dict(os.environ, PLATEAU_AGENT_DIR=self.agent,
                     PYTHONPATH=self.agent + path))
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, 10)
        self.addCleanup(child.kill)
        self.addCleanup(child.stdin.close)
        return child

    def ask(self, pid, *words):
        path = os.path.join(self.agent, "%d.sock" % pid)
        support.until(lambda: os.path.exists(path), 10, path)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(path)
            s.sendall(("\t".join(words) + "\n").encode())
            reply = b""
            while not reply.endswith(b"\n"):
                part = s.recv(65536)
                if not part:
                    break
                reply += part
        return json.loads(reply)

    def test_every_python(self):
        for python in pythons():
            with self.subTest(python=python):
                child = self.start(python)
                pid = int(child.stdout.readline().split()[1])
                said = self.ask(pid, "collect")
                self.assertTrue(said["enabled"])
                self.assertEqual(said["garbage"], 0)
                before = self.ask(pid, "count")["objects"]
                child.stdin.write("5000\n")
                child.stdin.flush()
                child.stdout.readline()
                grown = self.ask(pid, "count")["objects"] - before
                # An instance, and on some versions a dict of its own.
                self.assertLess(abs(grown - 5000 * round(grown / 5000)), 100)
                self.assertGreaterEqual(grown, 4900)
                said = self.ask(pid, "holders", "__main__.Order", "5", "20")
                self.assertEqual(said["instances"], 6000)
                self.assertRegex(said["chains"][0]["chain"],
                                 r"^module __main__ -> history: "
                                 r"list\[6,000\] -> __main__\.Order$")

    def test_what_a_container_holds_in_all(self):
        """Counted by pympler, within bounds, by no code of the service."""
        where = glob.glob(os.path.join(os.path.dirname(support.VENV), "lib",
                                       "*", "site-packages", "pympler"))
        if not where:
            self.skipTest("no pympler in build/venv")
        os.symlink(where[0], os.path.join(self.folder, "pympler"))
        for python in pythons():
            with self.subTest(python=python):
                self.deep_sizes(python)

    def deep_sizes(self, python):
        child = self.start(python, path=":" + self.folder, text=DEEP)
        pid = int(child.stdout.readline().split()[1])
        for name, holder, each, count in (
                ("Order", "history", 4300, 3000), ("Item", "rows", 1300, 3000),
                ("Failed", "failures", None, 3000),
                ("Row", "recent", 1250, 3000), ("Memo", "memo", 1250, 3000),
                ("Many", "many", 1250, 40000)):
            said = self.ask(pid, "holders", "__main__." + name, "8",
                            "20")
            self.assertEqual(said["holder"], holder, said)
            said = self.ask(pid, "deep", "5")
            self.assertEqual(said["name"], holder, said)
            if each:
                self.assertLess(abs(said["bytes"] / count / each - 1), 0.25,
                                said)
            self.assertEqual(said["whole"], count < 40000, said)
            # What is not looked into may hold anything.
            self.assertEqual(said["least"], name in ("Order", "Failed"), said)
            self.assertLessEqual(said["seen"], 100001)
            # Once: it is let go of.
            self.assertEqual(self.ask(pid, "deep", "2"), {"bytes": None})
        child.stdin.close()
        self.assertEqual(child.stdout.read(), "")

    def test_allocation_sites(self):
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.assertEqual(self.ask(pid, "trace_take"), {"error": "not tracing"})
        self.assertTrue(self.ask(pid, "trace_start", "5", "30")["tracing"])
        child.stdin.write("2000\n")
        child.stdin.flush()
        child.stdout.readline()
        sites = self.ask(pid, "trace_take", "10")["sites"]
        self.assertRegex(sites[0]["frames"][0], r"service\.py:\d+$")
        self.assertGreaterEqual(sum(s["count"] for s in sites), 2000)
        for site in sites:
            self.assertNotIn(self.agent, " ".join(site["frames"]))
        self.assertEqual(self.ask(pid, "trace_take"), {"error": "not tracing"})

    def test_no_collection_where_the_service_has_none(self):
        """Cycles that a service never collects are its leak, however it keeps
        its collector from running."""
        for off in ("gc.disable()", "gc.set_threshold(0)"):
            with self.subTest(off=off):
                child = self.start(sys.executable, text="""
import gc, os, sys
%s
class Node:
    def __init__(self):
        self.me = self
for _ in range(500):
    Node()
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
""" % off)
                pid = int(child.stdout.readline().split()[1])
                said = self.ask(pid, "collect")
                self.assertFalse(said["enabled"] and "disable" in off)
                self.assertEqual(said["collected"], 0)
                self.assertEqual(
                    self.ask(pid, "instances", "__main__.Node")["total"],
                    [500])
                self.assertEqual(self.ask(pid, "holders", "__main__.Node", "2",
                                          "2")["instances"], 500)

    def test_attributes_are_named(self):
        child = self.start(sys.executable, text="""
import os, sys
class Item: pass
class Handler:
    def __init__(self):
        self.buffer = []
handler = Handler()
handler.buffer.extend(Item() for _ in range(50))
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
""")
        pid = int(child.stdout.readline().split()[1])
        chains = self.ask(pid, "holders", "__main__.Item", "2",
                          "2")["chains"]
        self.assertEqual(chains[0]["chain"],
                         "module __main__ -> handler: __main__.Handler -> "
                         "buffer: list[50] -> __main__.Item")

    def test_chains_are_told_in_words(self):
        """Thread-locals, closures, slots, class attributes, running frames
        and such as a traceback keeps; what nothing in Python holds, cycles."""
        text = """
import ctypes, gc, os, sys, threading
gc.disable()
class InLocal: pass
class InClosure: pass
class InSlot: pass
class InClass: pass
class InFrame: pass
class InError: pass
class Lost: pass
class Cycle:
    def __init__(self):
        self.me = self
class Slots:
    __slots__ = ("rows",)
class Shop:
    kept = [InClass() for _ in range(50)]
local = threading.local()
local.rows = [InLocal() for _ in range(50)]
slots = Slots()
slots.rows = [InSlot() for _ in range(50)]
handlers = []
def connect():
    cart = [InClosure()]
    handlers.append(lambda: cart)
for _ in range(50):
    connect()
    Cycle()
    lost = Lost()
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(lost))
del lost
errors = []
def fail():
    basket = InError()
    raise ValueError
for _ in range(50):
    try:
        fail()
    except ValueError as error:
        errors.append(error)
def serve():
    kept = [InFrame() for _ in range(50)]
    print("ready", os.getpid(), flush=True)
    sys.stdin.readline()
    return kept
serve()
"""
        wanted = {
            "InLocal": r"module __main__ -> local: thread-local of 1 thread -> "
                       r"rows: list\[50\]",
            "InClosure": r"module __main__ -> handlers: list\[50\] -> function "
                         r"__main__.connect.<locals>.<lambda> -> "
                         r"closure cart: list\[1\]",
            "InSlot": r"module __main__ -> slots: __main__.Slots -> "
                      r"rows: list\[50\]",
            "InClass": r"class __main__.Shop -> kept: list\[50\]",
            "InFrame": r"frame of __main__.serve \(service.py:\d+\) -> "
                       r"kept: list\[50\]",
            "InError": r"module __main__ -> errors: list\[50\] -> ValueError "
                       r"-> traceback -> (traceback -> )?frame of "
                       r"__main__.fail \(service.py:\d+\) -> basket:",
        }
        for python in pythons():
            with self.subTest(python=python):
                child = self.start(python, text=text)
                pid = int(child.stdout.readline().split()[1])
                for name, chain in wanted.items():
                    said = self.ask(pid, "holders", "__main__." + name, "8",
                                    "20")
                    self.assertEqual(len(said["chains"]), 1, said)
                    if not chain.endswith(":"):
                        chain += " ->"
                    self.assertRegex(said["chains"][0]["chain"],
                                     "^%s __main__.%s$" % (chain, name))
                    self.assertEqual(said["chains"][0]["count"], 8)
                said = self.ask(pid, "holders", "__main__.Lost", "8", "20")
                self.assertEqual((said["chains"], said["lone"]), ([], 8))
                said = self.ask(pid, "holders", "__main__.Cycle", "8", "20")
                self.assertEqual((said["chains"], said["cycles"],
                                  said["collector"]), ([], 8, False))

    def test_bounds_are_told(self):
        """Of deques and memos, unless there are many alike."""
        text = """
import collections, functools, os, sys
class InDeque: pass
class InFull: pass
class InFree: pass
class InMany: pass
class InMemo: pass
class InKey: pass
class InAny: pass
class InName: pass
recent = collections.deque((InDeque() for _ in range(812)), maxlen=5000)
full = collections.deque(([InFull()] for _ in range(300)), maxlen=300)
free = collections.deque(InFree() for _ in range(300))
many = {i: collections.deque([InMany(), InMany()], 2) for i in range(50)}
@functools.lru_cache(maxsize=10000)
def memo(i): return InMemo()
@functools.lru_cache(maxsize=2000)
def price(item): return 1
@functools.lru_cache(maxsize=None)
def anything(i): return InAny()
for i in range(400):
    memo(i), price(InKey()), anything(i)
memo.names = [InName() for _ in range(50)]
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
"""
        memo = "memo: functools.lru_cache[400, at most 10,000]"
        wanted = {
            "InDeque": ("recent: collections.deque[812, at most 5,000]",
                        ("deque", 812, 5000, "__main__.InDeque")),
            "InFull": ("full: collections.deque[300, at most 300] -> list[1]",
                       ("deque", 300, 300, "list")),
            "InFree": ("free: collections.deque[300]", None),
            "InMany": ("many: dict[50] -> collections.deque[2, at most 2]",
                       None),
            "InMemo": (memo, ("lru_cache", 400, 10000, "__main__.InMemo")),
            "InKey": ("price: functools.lru_cache[400, at most 2,000] -> "
                      "tuple[1]", ("lru_cache", 400, 2000, "tuple")),
            "InAny": ("anything: functools.lru_cache[400, unbounded]", None),
            "InName": ("memo: functools._lru_cache_wrapper -> names: list[50]",
                       None)}
        for python in pythons():
            with self.subTest(python=python):
                child = self.start(python, text=text)
                pid = int(child.stdout.readline().split()[1])
                for name, (chain, bound) in wanted.items():
                    said = self.ask(pid, "holders", "__main__." + name, "8",
                                    "20")["chains"]
                    self.assertEqual(len(said), 1, said)
                    self.assertEqual(said[0]["chain"], "module __main__ -> %s "
                                     "-> __main__.%s" % (chain, name))
                    told = said[0]["bound"]
                    self.assertEqual(told and (
                        told["container"], told["size"], told["limit"],
                        told["entry"]), bound)

    def test_what_came_after_the_mark_is_followed(self):
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.assertGreater(self.ask(pid, "mark", "builtins.list",
                                    "__main__.Order")["marked"], 1000)
        child.stdin.write("40\n")
        child.stdin.flush()
        child.stdout.readline()
        said = self.ask(pid, "holders", "__main__.Order", "32", "20")
        self.assertEqual((said["instances"], said["sampled"]), (1040, 32))
        said = self.ask(pid, "holders", "builtins.list", "4", "20")
        self.assertGreater(said["instances"], 10)
        said = self.ask(pid, "instances", "__main__.Order", "no.Such",
                        "builtins.list")
        self.assertEqual((said["total"][:2], said["fresh"][:2]),
                         ([1040, 0], [40, 0]))
        self.assertGreater(said["total"][2], said["fresh"][2])

    @unittest.skipIf(os.getuid(), "only root can be somebody else")
    def test_others_are_not_answered(self):
        """Even where the socket's mode would let them in."""
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        path = os.path.join(self.agent, "%d.sock" % pid)
        self.assertEqual(self.ask(pid, "ping")["pid"], pid)
        for name, mode in ((self.folder, 0o755), (self.agent, 0o755),
                           (path, 0o666)):
            os.chmod(name, mode)
        done = subprocess.run(
            [sys.executable, "-c", "import os, socket\n"
             "os.setgid(65534); os.setuid(65534)\n"
             "s = socket.socket(socket.AF_UNIX); s.connect(%r)\n"
             "try:\n"
             "    s.sendall(b'ping\\n'); print('got', s.recv(100))\n"
             "except OSError:\n"
             "    print('got', b'')\n" % path],
            stdout=subprocess.PIPE, text=True, check=True, timeout=30)
        self.assertEqual(done.stdout, "got b''\n")
        self.assertEqual(self.ask(pid, "ping")["pid"], pid)

    def threads(self, pid):
        return sorted(int(t) for t in os.listdir("/proc/%d/task" % pid))

    def test_sleeps_until_it_is_asked(self):
        """Idle, it is never scheduled, so that it cannot cost anything."""
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.ask(pid, "ping")
        thread = self.threads(pid)[1]

        def switches():
            with open("/proc/%d/task/%d/status" % (pid, thread),
                      encoding="ascii") as f:
                return [line for line in f if "ctxt_switches" in line]

        def asleep():
            """Not one switch in a quarter of a second."""
            before = switches()
            time.sleep(0.25)
            return switches() == before
        support.until(asleep, 10, "the agent sleeps again")
        before = switches()
        time.sleep(2.5)  # more than the period of its timer
        self.assertEqual(switches(), before)
        # With something to end later, it looks at the clock.
        self.ask(pid, "trace_start", "5", "60")
        support.until(lambda: switches() != before, 10, "its timer")

    def test_leaves_when_the_service_closes_its_socket(self):
        """As one does that becomes a daemon: the agent must not spin on a
        descriptor that is not there, nor take over a later one."""
        child = self.start(sys.executable, text="""
import os, sys
print("ready", os.getpid(), flush=True)
sys.stdin.readline()
os.closerange(3, 256)
print("closed", flush=True)
sys.stdin.readline()
""")
        pid = int(child.stdout.readline().split()[1])
        self.ask(pid, "trace_start", "5", "60")
        self.assertEqual(len(self.threads(pid)), 2)
        child.stdin.write("close\n")
        child.stdin.flush()
        child.stdout.readline()
        support.until(lambda: len(self.threads(pid)) == 1, 10,
                      "the agent's thread ends")

    @unittest.skipUnless(os.path.exists(os.path.join(support.MEMRAY,
                                                     "memray")),
                         "no memray in build/memray")
    def test_recording_ends_while_the_main_thread_waits(self):
        child = self.start(os.path.join(support.MEMRAY, "python"))
        pid = int(child.stdout.readline().split()[1])
        self.ask(pid, "trace_start", "5", "60", "memray")
        self.assertTrue(self.ask(pid, "profile_start")["memray"])
        child.stdin.write("200\n")  # now the main thread starts to record
        child.stdin.flush()
        child.stdout.readline()
        # It waits for a line from here on; nobody sends one.
        self.assertGreater(self.ask(pid, "profile_take")["size"], 0)
        self.assertNotEqual(self.ask(pid, "trace_take")["sites"], [])
        child.stdin.write("200\n")
        child.stdin.flush()
        self.assertEqual(child.stdout.readline(), "took 1400\n")

    def test_dead_man_ends_tracing(self):
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.ask(pid, "trace_start", "5", "1")
        support.until(lambda: not self.ask(pid, "ping")["tracing"], 15,
                      "tracing ends by itself")

    def test_forked_worker_has_its_own(self):
        child = self.start(sys.executable, "fork")
        said = dict(child.stdout.readline().split() for _ in range(2))
        worker = int(said.get("ready") or said["child"])
        self.assertEqual(self.ask(worker, "ping")["pid"], worker)
        os.kill(worker, 9)

    def test_socket_is_private(self):
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.ask(pid, "ping")
        mode = os.stat(os.path.join(self.agent, "%d.sock" % pid)).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_own_sitecustomize_still_runs(self):
        other = os.path.join(self.folder, "own")
        os.mkdir(other)
        with open(os.path.join(other, "sitecustomize.py"), "w",
                  encoding="ascii") as f:
            f.write("open(%r, 'w').close()\n" % os.path.join(other, "ran"))
        child = self.start(sys.executable, path=":" + other)
        pid = int(child.stdout.readline().split()[1])
        self.assertEqual(self.ask(pid, "ping")["pid"], pid)
        self.assertTrue(os.path.exists(os.path.join(other, "ran")))

    def test_nonsense_is_answered(self):
        child = self.start(sys.executable)
        pid = int(child.stdout.readline().split()[1])
        self.assertIn("error", self.ask(pid, "\x00\xff"))
        self.assertIn("error", self.ask(pid, "trace_start", "many"))
        self.assertEqual(self.ask(pid, "ping")["pid"], pid)


if __name__ == "__main__":
    unittest.main()
