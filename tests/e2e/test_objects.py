"""`plateau objects` against living interpreters: every CPython of the machine.

The truth is what the target itself says: len(gc.get_objects()) and
sys.getallocatedblocks(), read inside it as its last act before it waits.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from support import Case, LEAKY, PLATEAU, VENV, until

NEAR = 10  # objects: what the reading itself makes and drops


def find_pythons():
    """Every CPython here: (label, program), one per real file. Programs
    elsewhere can be named in PLATEAU_PYTHONS, parted by colons."""
    found = {}
    places = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))
    for folder in ["/usr/bin", "/usr/local/bin"]:
        places += glob.glob(os.path.join(folder, "python3.[0-9]*"))
        places += glob.glob(os.path.join(folder, "python3"))
    places += filter(None, os.environ.get("PLATEAU_PYTHONS", "").split(":"))
    for place in sorted(places):
        real = os.path.realpath(place)
        if re.search(r"python3\.\d+$", real) and real not in found:
            asked = subprocess.run(
                [real, "-c", "import sys, platform; "
                 "print(platform.python_version(), sys.implementation.name,"
                 "getattr(sys, '_is_gil_enabled', lambda: True)())"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                universal_newlines=True)
            said = asked.stdout.split()
            if asked.returncode == 0 and said[1:] == ["cpython", "True"]:
                found[real] = said[0]
    return sorted(((v, p) for p, v in found.items()),
                  key=lambda item: [int(n) for n in
                                    re.findall(r"\d+", item[0])[:3]])


PYTHONS = find_pythons()
# A current version for the tests that need only one.
ONE = ([p for v, p in PYTHONS if v.startswith("3.12.")] +
       [p for v, p in PYTHONS if v.startswith("3.11.")] +
       [sys.executable])[0]

PLANTED = """
class Planted(object):
    def __init__(self):
        self.value = 1
class Slotted(object):
    __slots__ = ("a", "b")
class Outer(object):
    class Inner(object):
        pass
class Big(object):  # larger than 512 bytes: malloc's, not pymalloc's
    __slots__ = ["field_%d" % i for i in range(100)]
class Meta(type):
    pass
Made = Meta("Made", (object,), {})
kept = [Planted() for _ in range(5000)], [Slotted() for _ in range(3000)]
more = [Outer.Inner() for _ in range(777)], [Big() for _ in range(211)]
made = [Made() for _ in range(123)]
wide = [tuple(range(300)) for _ in range(50)]
huge = tuple(range(200000))  # mapped alone
raw = [bytes(bytearray(1500)) for _ in range(2000)]
"""

COUNTS = {"__main__.Planted": 5000, "__main__.Slotted": 3000,
          "__main__.Outer.Inner": 777, "__main__.Big": 211,
          "__main__.Made": 123}

# Speaks last: after these two numbers nothing is made.
SPEAK = """
import gc, os, sys
gc.collect(); gc.disable()
def speak():
    tracked = len(gc.get_objects())
    blocks = sys.getallocatedblocks()
    os.write(1, b"%d %d\\n" % (tracked, blocks))
speak()
os.read(0, 1)
"""


class Target:
    """A Python program that speaks on its standard output and obeys lines on
    its standard input."""

    def __init__(self, case, python, code, env=None, args=()):
        path = case.write("target-%d.py" % id(self), textwrap.dedent(code))
        self.process = subprocess.Popen(
            [python] + list(args) + [path], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ, **(env or {})))
        self.pid = self.process.pid
        case.addCleanup(self.stop)

    def numbers(self):
        """The next line, as whole numbers."""
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the target ended")
        return [int(n) for n in line.split()]

    def tell(self, text=b"\n"):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class ObjectsCase(Case):
    def census(self, pid, *flags):
        result = self.plateau("objects", pid, "--json", *flags)
        self.expect_status(result, 0)
        return json.loads(result.out)

    def types(self, census):
        return {t["type"]: t for t in census["types"]}

    def check_counts(self, census, expected):
        seen = self.types(census)
        for name, count in expected.items():
            self.assertEqual(seen.get(name, {}).get("count"), count, name)


class EveryVersion(ObjectsCase):
    """One test per version, made below."""

    def test_pythons_present(self):
        print("interpreters:", ", ".join(v for v, _ in PYTHONS))
        self.assertTrue(PYTHONS)

    def idle(self, version, python):
        target = Target(self, python, PLANTED + SPEAK)
        tracked, blocks = target.numbers()
        census = self.census(target.pid)
        print("CPython %s: tracked %d, census %+d; blocks %d, census %+d; "
              "%.1f ms" % (version, tracked,
                           census["objects_tracked"] - tracked, blocks,
                           census["blocks"] - blocks,
                           census["cost"]["cpu_ms"]))
        self.assertEqual(census["python_version"].split("rc")[0],
                         version.split("rc")[0])
        self.assertLessEqual(abs(census["objects_tracked"] - tracked), NEAR)
        self.assertLessEqual(abs(census["blocks"] - blocks), NEAR)
        self.check_counts(census, COUNTS)
        self.assertEqual(census["notes"], [])
        self.assertFalse(census["cost"]["partial"])
        self.assertGreaterEqual(self.types(census)["builtins.bytes"]["count"],
                                2000)
        self.assertEqual(sum(t["count"] for t in census["types"]),
                         census["objects_total"])
        self.assertEqual(census["threads"], 1)
        self.assertEqual(self.types(census)["__main__.Planted"]["tracked"],
                         5000)

    def histogram(self, version, python):
        """Every tracked type, against a histogram made inside."""
        target = Target(self, python, PLANTED + """
        import gc, os, sys
        gc.collect(); gc.disable()
        counts = {}
        def name(t):
            return "%s.%s" % (t.__module__, t.__qualname__)
        def count():
            for o in gc.get_objects():
                t = type(o)
                counts[t] = counts.get(t, 0) + 1
        count(); counts.clear(); count()
        text = "".join("%s %d\\n" % (name(t), n)
                       for t, n in sorted(counts.items(), key=lambda i:
                                          name(i[0])))
        os.write(1, b"%d\\n" % len(text.encode()))
        os.write(1, text.encode())
        os.read(0, 1)
        """.replace("\n        ", "\n"))
        size = target.numbers()[0]
        inside = {}
        for line in target.process.stdout.read(size).decode().splitlines():
            name, _, count = line.rpartition(" ")
            inside[name] = inside.get(name, 0) + int(count)
        census = self.census(target.pid)
        seen = self.types(census)
        frozen = census["objects_frozen"] or 0
        off = {}
        for name, count in inside.items():
            got = seen.get(name, {}).get("tracked", 0)
            # What gc.freeze() set aside is tracked, but not listed inside.
            if not count - NEAR <= got <= count + NEAR + frozen:
                off[name] = (count, got)
        self.assertEqual(off, {})
        self.assertGreater(len(inside), 30)

    def tasks(self, version, python):
        target = Target(self, python, """
        import asyncio, gc, os
        async def wait():
            await asyncio.sleep(3600)
        async def main():
            kept = [asyncio.ensure_future(wait()) for _ in range(432)]
            await asyncio.sleep(0.01)
            os.write(1, b"%d\\n" % len(kept))
            os.read(0, 1)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main())
        """)
        made = target.numbers()[0]
        # And the one that runs main().
        self.assertEqual(self.census(target.pid)["asyncio_tasks"], made + 1)

    def frozen(self, version, python):
        target = Target(self, python, PLANTED + SPEAK)
        tracked, blocks = target.numbers()
        census = self.census(target.pid, "--freeze")
        self.assertLessEqual(abs(census["objects_tracked"] - tracked), NEAR)
        self.assertLessEqual(abs(census["blocks"] - blocks), NEAR)
        self.check_counts(census, COUNTS)
        self.assertGreater(census["cost"]["pause_ms"], 0)
        # It goes on afterwards: it obeys, and ends by itself.
        target.tell()
        self.assertEqual(target.process.wait(timeout=60), 0)

    def free_lists(self, version, python):
        """Dropped tuples stay allocated on a list; they are nobody's."""
        target = Target(self, python, PLANTED + """
        import gc, os, sys
        def speak():
            os.write(1, b"%d\\n" % sys.getallocatedblocks())
            os.read(0, 1)
        gc.collect(); gc.disable()
        speak()
        dropped = [tuple([i] * 7) for i in range(1500)]
        del dropped
        speak()
        gc.collect()
        speak()
        """.replace("\n        ", "\n"))
        seen = []
        for _ in range(3):
            blocks = target.numbers()[0]
            census = self.census(target.pid)
            self.assertLessEqual(abs(census["blocks"] - blocks), NEAR)
            seen.append((blocks, census["blocks_set_aside"],
                         self.types(census)["builtins.tuple"]["count"]))
            target.tell()
        (before, free, tuples), (dropped, more, same), (after, left, _) = seen
        print("CPython %s:" % version, seen)
        self.assertGreater(dropped - before, 1300)
        self.assertLess(abs(dropped - more - (before - free)), 64)
        self.assertLess(abs(same - tuples), NEAR)
        self.assertLess(abs(after - left - (before - free)), 64)

    def unreached(self, version, python):
        """What a collection would free, and nothing else: not what modules,
        classes, weak references' owners, C code and running frames hold, nor
        what C code forgot to give back."""
        target = Target(self, python, PLANTED + UNREACHED)
        seen = []
        for _ in range(4):
            truth = target.numbers()[0]
            census = self.census(target.pid)
            seen.append((truth, census["objects_unreached"],
                         census["blocks_unreached"]))
            target.tell()
        print("CPython %s:" % version, seen)
        for truth, objects, blocks in seen:
            self.assertLessEqual(objects, truth + NEAR)
            self.assertGreaterEqual(objects, 0.9 * truth - NEAR)
            self.assertGreaterEqual(blocks, objects)
        self.assertGreater(seen[2][0], 10000)

    def holders(self, version, python):
        """Chains from a module or a class down to what is held."""
        target = Target(self, python, HELD)
        target.numbers()
        for name, chain in CHAINS.items():
            result = self.plateau("objects", target.pid, "--holders",
                                  "__main__." + name, "--json")
            self.expect_status(result, 0)
            found = json.loads(result.out)
            self.assertEqual(found["sampled"], 16)
            self.assertFalse(found["partial"])
            told = [(c["chain"], c["found"]) for c in found["chains"]]
            self.assertEqual(told[0][0], chain % ("__main__." + name))
            # A place that was left may still hold the address of one.
            self.assertGreaterEqual(told[0][1], 14, told)


# Tells how many objects there are that a collection will free.
UNREACHED = """
import ctypes, gc, os, sys, weakref
class Node(object):
    pass
class Slots(object):
    __slots__ = ("a", "b")
keep = []
def speak(truth):
    os.write(1, b"%d\\n" % truth)
    os.read(0, 1)
def litter(n, raises):
    for i in range(n):
        a, s = Node(), Slots()
        a.me, a.more, s.a = a, [a, {i: a, "x": str(i) * 20}], s
        s.b = (s, bytes(bytearray(20)))
        try:
            {}["x"]
        except KeyError as e:
            x = e if raises else None
def lose():
    for i in range(3000):
        lost = Node()
        lost.me = lost
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(lost))
def waits():
    yield Node()
gc.collect(); gc.disable()
held = waits(); next(held)
speak(0)
before = len(gc.get_objects())
for i in range(3000):
    n = Node()
    n.weak, n.call = weakref.ref(n), (lambda n=n: n)
    keep.append({"n": n, i: [n]})
speak(0)
before = len(gc.get_objects())
litter(3000, False)
speak(len(gc.get_objects()) - before)
gc.collect()
lose()
speak(0)
"""


HELD = """
import collections, os, weakref
class ByList(object): pass
class ByDict(object): pass
class ByClass(object): pass
class BySlots(object):
    __slots__ = ("a", "b")
class ByClosure(object): pass
class ByDeque(object): pass
class BySet(object): pass
class ByTuple(object): pass
class Cart(object):
    clients = []
    def __init__(self):
        self.first = 1
        self.items = []
history = [ByList() for _ in range(51204)]
cache = {}
for i in range(3000):
    cache["secret-%d" % i] = ByDict()
    Cart.clients.append(ByClass())
cart = Cart()
cart.items += [BySlots() for _ in range(2500)]
weak = [weakref.ref(o) for o in history]
def make():
    kept = [ByClosure() for _ in range(1000)]
    def inner():
        return kept
    return inner
handler = make()
queue = collections.deque(ByDeque() for _ in range(20000))
seen = set(BySet() for _ in range(700))
nested = {"x": [(ByTuple(), 1) for _ in range(600)]}
os.write(1, b"0\\n"); os.read(0, 1)
"""

CHAINS = {
    "ByList": "module __main__ -> history: list[51,204] -> %s",
    "ByDict": "module __main__ -> cache: dict[3,000] -> %s",
    "ByClass": "class __main__.Cart -> clients: list[3,000] -> %s",
    "BySlots": "module __main__ -> cart: __main__.Cart -> "
               "items: list[2,500] -> %s",
    "ByClosure": "module __main__ -> handler: function "
                 "__main__.make.<locals>.inner -> closure: tuple[1] -> cell "
                 "-> list[1,000] -> %s",
    "ByDeque": "module __main__ -> queue: collections.deque[20,000] -> %s",
    "BySet": "module __main__ -> seen: set[700] -> %s",
    "ByTuple": "module __main__ -> nested: dict[1] -> list[600] -> "
               "tuple[2] -> %s",
}


def add_version_tests():
    for version, python in PYTHONS:
        for kind in ("idle", "histogram", "tasks", "frozen", "free_lists",
                     "unreached", "holders"):
            def test(self, kind=kind, version=version, python=python):
                getattr(self, kind)(version, python)
            setattr(EveryVersion, "test_%s_%s" %
                    (kind, version.replace(".", "_")), test)


add_version_tests()


class Growth(ObjectsCase):
    def test_leak_of_bytes_shows_in_blocks_and_histogram(self):
        """Bytes are invisible to the collector, not to the census."""
        target = Target(self, ONE, """
        import gc, os
        gc.collect(); gc.disable()
        kept = [None] * 10000
        os.write(1, b"0\\n"); os.read(0, 1)
        for i in range(10000):
            kept[i] = bytes(1024)
        os.write(1, b"0\\n"); os.read(0, 1)
        """)
        target.numbers()
        before = self.census(target.pid)
        target.tell()
        target.numbers()
        after = self.census(target.pid)
        self.assertLessEqual(abs(after["objects_tracked"] -
                                 before["objects_tracked"]), NEAR)
        self.assertLessEqual(abs(after["blocks"] - before["blocks"] - 10000),
                             NEAR)
        grown = (self.types(after)["builtins.bytes"]["count"] -
                 self.types(before)["builtins.bytes"]["count"])
        self.assertLessEqual(abs(grown - 10000), NEAR)
        self.assertGreater(after["native_inuse_bytes"],
                           before["native_inuse_bytes"] + 10 * 1000 * 1000)

    def test_native_leak_leaves_the_blocks_alone(self):
        """malloc without free, and a burst that was freed but is kept."""
        target = Target(self, ONE, """
        import ctypes, gc, os
        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        libc.free.argtypes = [ctypes.c_void_p]
        gc.collect(); gc.disable()
        os.write(1, b"0\\n"); os.read(0, 1)
        for _ in range(5000):
            libc.malloc(2000)
        os.write(1, b"0\\n"); os.read(0, 1)
        kept = [libc.malloc(2000) for _ in range(5000)]
        last = libc.malloc(2000)
        for p in kept:
            libc.free(p)
        del kept, p
        os.write(1, b"0\\n"); os.read(0, 1)
        """)
        seen = []
        for _ in range(3):
            target.numbers()
            seen.append(self.census(target.pid))
            target.tell()
        start, leaked, burst = seen
        grown = leaked["native_inuse_bytes"] - start["native_inuse_bytes"]
        self.assertLess(abs(grown - 5000 * 2016), 100 * 1000)
        self.assertLessEqual(abs(leaked["blocks"] - start["blocks"]), 60)
        self.assertLess(abs(burst["native_inuse_bytes"] -
                            leaked["native_inuse_bytes"]), 400 * 1000)
        self.assertGreater(burst["native_free_bytes"],
                           leaked["native_free_bytes"] + 9 * 1000 * 1000)
        self.assertGreater(burst["native_largest_free_bytes"], 9 * 1000 * 1000)

    def test_watch_shows_growth(self):
        target = Target(self, ONE, """
        import os
        class Grown(object):
            pass
        kept = []
        os.write(1, b"0\\n"); os.read(0, 1)
        kept += [Grown() for _ in range(1500)]
        os.write(1, b"0\\n"); os.read(0, 1)
        """)
        target.numbers()
        watch = subprocess.Popen(
            [PLATEAU, "objects", str(target.pid), "--watch", "100ms",
             "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(watch.stderr.close)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        first = json.loads(watch.stdout.readline())
        self.assertNotIn("__main__.Grown", self.types(first))
        target.tell()
        target.numbers()
        for _ in range(300):
            line = json.loads(watch.stdout.readline())
            row = self.types(line).get("__main__.Grown")
            if row and row["since_first"] == 1500:
                break
        else:
            self.fail("growth was not shown: %r" % line["types"][:5])
        # What grew most comes first, and the end of the target ends it.
        target.stop()
        self.assertEqual(watch.wait(timeout=60), 0)
        self.assertIn(b"has ended", watch.stderr.read())


class Churn(ObjectsCase):
    serial = True
    timeout = 300

    def test_fifty_censuses_under_churn(self):
        """300,000 live objects, and requests that make and drop more."""
        target = Target(self, ONE, """
        import gc, os, select, sys
        class Session(object):
            def __init__(self, n):
                self.id = n
                self.tags = [n]
        kept = [Session(i) for i in range(100000)]
        kept += [{"k": [i]} for i in range(50000)]
        def request(i):
            local = [Session(i) for _ in range(20)]
            text = ",".join(str(i + k) for k in range(50))
            kept[i % 100000] = Session(i)
            return {"a": [text] * 10, "b": {k: [k] for k in range(10)},
                    "c": local}
        i = 0
        gc.collect()
        os.write(1, b"%d\\n" % len(gc.get_objects()))
        # It serves until it is told to end, and some, however slow it is.
        while i < 2000 or not select.select([0], [], [], 0)[0]:
            for _ in range(100):
                i += 1
                request(i)
        gc.collect()
        os.write(1, b"%d %d\\n" % (len(gc.get_objects()), i))
        """)
        live = target.numbers()[0]
        self.assertGreater(live, 300000)
        errors = []
        for _ in range(50):
            seen = self.census(target.pid, "--top", "1")["objects_tracked"]
            errors.append(abs(seen - live) / live)
        target.tell()
        after, requests = target.numbers()
        self.assertLess(abs(after - live), 50)
        self.assertGreater(requests, 1000)
        errors.sort()
        print("50 censuses, %d requests: error %.3f %% median, %.3f %% worst" %
              (requests, 100 * errors[25], 100 * errors[-1]))
        self.assertLessEqual(errors[25], 0.002)
        self.assertLessEqual(errors[-1], 0.02)


def smaps(pid, field):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError("no %s for process %d" % (field, pid))


class Untouched(ObjectsCase):
    def children(self, pid):
        with open("/proc/%d/task/%d/children" % (pid, pid),
                  encoding="ascii") as f:
            return [int(n) for n in f.read().split()]

    def unchanged(self, worker):
        """20 censuses, and the worker's private memory is what it was."""
        before = {k: smaps(worker, k) for k in ("Pss_Anon", "Rss")}
        for _ in range(20):
            self.census(worker, "--top", "1")
        after = {k: smaps(worker, k) for k in before}
        # A page may come by itself; what is un-shared comes by thousands.
        self.assertLessEqual(after["Pss_Anon"], before["Pss_Anon"] + 64)
        self.assertLessEqual(after["Rss"], before["Rss"] + 64)

    def test_forked_worker_stays_shared(self):
        target = Target(self, ONE, """
        import gc, os
        kept = [{"a": [i], "b": str(i) * 20} for i in range(100000)]
        gc.collect(); gc.freeze()
        if os.fork() == 0:
            os.write(1, b"%d\\n" % os.getpid())
        os.read(0, 1)
        """)
        worker = target.numbers()[0]
        self.addCleanup(lambda: target.tell(b"\n\n"))
        self.assertGreater(smaps(worker, "Rss"), 1.5 * smaps(worker,
                                                             "Pss_Anon"))
        self.unchanged(worker)

    def test_preloaded_gunicorn_worker_stays_shared(self):
        gunicorn = os.path.join(VENV, "gunicorn")
        self.assertTrue(os.path.exists(gunicorn), "no gunicorn: make setup")
        self.write("shop.py", textwrap.dedent("""
        stock = [{"sku": i, "name": "thing %d" % i} for i in range(100000)]
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "2")])
            return [b"ok"]
        """))
        service = self.service(
            [gunicorn, "--preload", "-w", "1", "-b", "127.0.0.1:0",
             "--chdir", self.folder, "shop:app"])
        service.wait_line(r"Booting worker with pid: (\d+)")
        worker = until(lambda: self.children(service.pid), 10, "a worker")[0]
        # Let it come to rest: its first second is its own.
        still = []

        def rests():
            still.append(smaps(worker, "Pss_Anon"))
            time.sleep(0.2)
            return len(still) > 5 and len(set(still[-5:])) == 1
        until(rests, 20, "the worker at rest")
        # gunicorn's worker wakes each second to touch its heartbeat file.
        before = smaps(worker, "Pss_Anon")
        for _ in range(20):
            self.census(worker, "--top", "1")
        self.assertLessEqual(abs(smaps(worker, "Pss_Anon") - before), 64)

    def test_tree_covers_every_worker(self):
        target = Target(self, ONE, """
        import os, sys
        class Held(object):
            pass
        kept = [Held() for _ in range(1000)]
        r, w = os.pipe()
        for n in range(3):
            if os.fork() == 0:
                more = [Held() for _ in range(100 * (n + 1))]
                os.write(w, b".")
                os.read(0, 1)
                os._exit(0)
        for _ in range(3):
            os.read(r, 1)
        os.write(1, b"0\\n")
        os.read(0, 1)
        """)
        target.numbers()
        self.addCleanup(lambda: target.tell(b"\n\n\n\n"))
        census = self.census(target.pid, "--tree")
        self.assertEqual(len(census["processes"]), 4)
        self.check_counts(census, {"__main__.Held": 4 * 1000 + 600})
        self.assertEqual(
            sum(p["objects_tracked"] for p in census["processes"]),
            census["objects_tracked"])
        alone = self.census(target.pid)
        self.check_counts(alone, {"__main__.Held": 1000})


class Degraded(ObjectsCase):
    """What cannot be seen is named, and the rest is still right."""

    def one_note(self, census, *words):
        notes = [n for n in census["notes"] if all(w in n for w in words)]
        self.assertEqual(len(notes), 1, census["notes"])
        self.assertNotIn("\n", notes[0])

    def test_objects_from_malloc(self):
        target = Target(self, ONE, PLANTED + SPEAK,
                        env={"PYTHONMALLOC": "malloc"})
        tracked, _ = target.numbers()
        census = self.census(target.pid)
        self.one_note(census, "PYTHONMALLOC", "no block count")
        self.assertIsNone(census["blocks"])
        self.check_counts(census, COUNTS)
        self.assertLessEqual(abs(census["objects_tracked"] - tracked), 50)

    def test_debug_allocator(self):
        for env, args in (({"PYTHONMALLOC": "debug"}, ()), ({}, ("-Xdev",))):
            target = Target(self, ONE, PLANTED + SPEAK, env=env, args=args)
            tracked, _ = target.numbers()
            census = self.census(target.pid)
            self.one_note(census, "32 bytes larger")
            self.check_counts(census, COUNTS)
            self.assertLessEqual(abs(census["objects_tracked"] - tracked), 50)

    def test_other_process_of_glibc(self):
        leaky = self.leaky()
        census = self.census(leaky.pid)
        self.assertIsNone(census["python_version"])
        self.assertIsNone(census["objects_total"])
        self.assertGreater(census["native_inuse_bytes"], 1000)
        self.assertEqual(census["types"], [])

    def test_execve_is_noticed(self):
        """Same pid, same start time, other memory."""
        again = self.write("again.py", PLANTED + SPEAK)
        target = Target(self, ONE, """
        import os, sys
        os.write(1, b"0\\n")
        os.read(0, 1)
        os.execv(sys.executable, [sys.executable, %r])
        """ % again)
        target.numbers()
        watch = subprocess.Popen(
            [PLATEAU, "objects", str(target.pid), "--watch", "50ms", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        watch.stdout.readline()
        target.tell()
        for _ in range(1000):
            line = json.loads(watch.stdout.readline())
            row = self.types(line).get("__main__.Planted")
            if row and row["count"] == 5000:
                return
        self.fail("the new program was not seen: %r" % line["types"][:5])

    def test_hostile_names_reach_no_terminal(self):
        target = Target(self, ONE, r"""
        import os
        evil = type("evil\x1b[31m\r\n<script>\u202e", (), {})
        long = type("x" * 100000, (), {})
        wide = type("\u00fcber\u4e2d\U0001f40d", (), {"__module__": "m\u00f6d"})
        kept = [evil() for _ in range(4000)], [long() for _ in range(3000)]
        more = [wide() for _ in range(2000)]
        os.write(1, b"0\n"); os.read(0, 1)
        """)
        target.numbers()
        result = self.plateau("objects", target.pid, "--top", "100000")
        self.expect_status(result, 0)
        for bad in ("\x1b", "\r", "\u202e"):
            self.assertNotIn(bad, result.out)
        self.assertIn("evil\\x1b[31m", result.out)
        census = self.census(target.pid)
        seen = self.types(census)
        self.assertEqual(seen["m\u00f6d.\u00fcber\u4e2d\U0001f40d"]["count"],
                         2000)
        self.assertTrue([t for t in seen if t.startswith("__main__.xxx") and
                         len(t) < 300 and seen[t]["count"] == 3000])

    def test_another_users_process(self):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root to become somebody else")
        target = Target(self, ONE, SPEAK)
        target.numbers()
        asked = self.as_nobody("objects", target.pid)
        self.assertEqual(asked.returncode, 4, asked.stderr)
        self.one_line(asked.stderr, "belongs to another user",
                      "memory alone", "as that user, or as root")
        # A run goes on without the counts, and says so once.
        watched = self.as_nobody(
            "observe", "--pid", target.pid, "--duration", "6s", "--json",
            "--out", "OPEN/run", "--set", "sample.python=outside")
        notes = [n for n in json.loads(watched.stdout)["notes"]
                 if "belongs to another user" in n]
        self.assertEqual(len(notes), 1, watched.stdout)

    def test_process_that_lets_nobody_read_it(self):
        """Its own user, not dumpable: as with Yama, only words are left."""
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root to become somebody else")
        code = self.write("closed.py", textwrap.dedent("""
        import ctypes, os
        PR_SET_DUMPABLE = 4
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        os.write(1, b"0\\n"); os.read(0, 1)
        """))
        with open(code, "rb") as text:
            target = subprocess.Popen(
                ["/usr/bin/python3", "-c", text.read()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                preexec_fn=self.become_nobody)
        self.addCleanup(target.stdout.close)
        self.addCleanup(target.stdin.close)
        self.addCleanup(target.wait)
        self.addCleanup(target.kill)
        self.assertEqual(target.stdout.readline(), b"0\n")
        asked = self.as_nobody("objects", target.pid)
        self.assertEqual(asked.returncode, 4, asked.stderr)
        self.one_line(asked.stderr, "memory alone", "as root")
        self.assertNotIn("another user", asked.stderr)

    def test_embedded_interpreter(self):
        """A C program that links libpython: counted, and named as such."""
        config = next((c for c in glob.glob(os.path.expanduser(
            "~/.pyenv/versions/3.11.*/bin/python3-config"))), None)
        if config is None or shutil.which("cc") is None:
            raise unittest.SkipTest("no libpython to link with")
        flags = [subprocess.run([config, "--embed", f], check=True,
                                stdout=subprocess.PIPE,
                                universal_newlines=True).stdout.split()
                 for f in ("--includes", "--ldflags")]
        source = self.write("host.c", textwrap.dedent(r"""
        #include <Python.h>
        int main(int argc, char **argv)
        {
            FILE *f = fopen(argv[1], "r");
            (void)argc;
            Py_Initialize();
            return PyRun_SimpleFile(f, argv[1]);
        }
        """))
        program = os.path.join(self.folder, "host")
        prefix = os.path.dirname(os.path.dirname(config))
        subprocess.run(["cc", "-o", program, source] + flags[0] + flags[1] +
                       ["-Wl,-rpath," + os.path.join(prefix, "lib")],
                       check=True)
        target = Target(self, program, PLANTED + SPEAK,
                        env={"PYTHONHOME": prefix})
        tracked, blocks = target.numbers()
        census = self.census(target.pid)
        self.one_note(census, "embedded in another program",
                      "native_inuse_bytes")
        self.check_counts(census, COUNTS)
        self.assertLessEqual(abs(census["objects_tracked"] - tracked), NEAR)
        self.assertLessEqual(abs(census["blocks"] - blocks), NEAR)

    def become_nobody(self):
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    def as_nobody(self, *arguments):
        """The program as another user, from where that user can read it."""
        self.open_folder = tempfile.mkdtemp(prefix="plateau-nobody-")
        self.addCleanup(shutil.rmtree, self.open_folder, True)
        os.chmod(self.open_folder, 0o777)
        program = shutil.copy(PLATEAU, self.open_folder)
        os.chmod(program, 0o755)
        arguments = [a.replace("OPEN", self.open_folder)
                     for a in map(str, arguments)]
        return subprocess.run(
            [program] + arguments, stdout=subprocess.PIPE, timeout=60,
            stderr=subprocess.PIPE, universal_newlines=True,
            cwd=self.open_folder, preexec_fn=self.become_nobody)

    def one_line(self, text, *words):
        lines = [line for line in text.splitlines()
                 if all(w in line for w in words)]
        self.assertEqual(len(lines), 1, text)

    def test_no_such_process(self):
        child = subprocess.Popen(["true"])
        child.wait()
        result = self.plateau("objects", child.pid)
        self.expect_status(result, 4)
        self.assertIn("no such process", result.err)

    def test_usage(self):
        for arguments in ([], ["x"], ["0"], ["1", "2"], ["1", "--top", "0"],
                          ["1", "--watch", "never"], ["1", "--tops"]):
            result = self.plateau("objects", *arguments)
            self.expect_status(result, 2)
            self.assertIn("plateau:", result.err)
            self.assertEqual(result.out, "")


if __name__ == "__main__":
    unittest.main()
