"""`plateau objects --holders` beyond the plain containers: what hangs on a
running frame, a generator, a coroutine, a thread's own data, a default
argument, a memo or another container with a bound of its own; what does not hold; and a service that is at work.

test_objects.py has the plain chains."""

import json
import unittest

from test_objects import ObjectsCase, PYTHONS, Target

HELD = """
import asyncio, collections, functools, logging.handlers, os, threading
import weakref
class InLocal(object): pass
class InFrame(object): pass
class InOwnFrame(object): pass
class InGenerator(object): pass
class InCoroutine(object): pass
class InLists(object): pass
class InOrdered(object): pass
class InMemo(object): pass
class InDefault(object): pass
class InMethod(object):
    def method(self):
        pass
class InHandler(object): pass
class InSlot(object): pass
class InFinalizer(object): pass
class InWeakDict(object): pass
class InCallback(object): pass
class InReference(weakref.ref): pass
class Referred(object): pass
class InCycle(object): pass
class Node(object):
    __slots__ = ("next", "value")
class InChain(object): pass
class InBounded(object): pass
class InBoundedList(object): pass
class InDeque(object): pass
class InOne(object): pass
class InAnswer(object): pass
class InKey(object): pass
class InTail(object):
    def __init__(self):
        self.one = 1

local = threading.local()
local.items = [InLocal() for _ in range(500)]
lists = collections.defaultdict(list)
for i in range(1000):
    lists[i % 50].append(InLists())
ordered = collections.OrderedDict((i, InOrdered()) for i in range(800))
@functools.lru_cache(maxsize=None)
def memo(i):
    return InMemo()
for i in range(700):
    memo(i)
recent = collections.deque((InBounded() for _ in range(812)), maxlen=5000)
pages = collections.deque(([InBoundedList()] for _ in range(1500)), 1500)
free = collections.deque(InDeque() for _ in range(300))
per_user = {i: collections.deque([InOne() for _ in range(4)], 4)
            for i in range(100)}
@functools.lru_cache(maxsize=10000)
def answer(i):
    return InAnswer()
@functools.lru_cache(maxsize=2000)
def price(item):
    return 1
for i in range(400):
    answer(i)
    price(InKey())
def default(key, cache={}):
    cache[key] = InDefault()
for i in range(400):
    default(i)
callbacks = [InMethod().method for _ in range(300)]
handler = logging.handlers.MemoryHandler(100000)
for i in range(600):
    handler.buffer.append(logging.LogRecord("a", 10, "f", 1, "m", (), None))
    handler.buffer[-1].session = InHandler()
class Slots(object):
    __slots__ = ("rows",)
slots = Slots()
slots.rows = [InSlot() for _ in range(400)]
class Watched(object): pass
watched = Watched()
for i in range(300):
    weakref.finalize(watched, repr, InFinalizer())
by_key = weakref.WeakKeyDictionary()
by_key[watched] = [InWeakDict() for _ in range(300)]
def when_gone(kept):
    return lambda reference: kept
references = [weakref.ref(watched, when_gone(InCallback()))
              for i in range(300)]
referred = [[[[Referred()]]] for i in range(300)]
weakly = [InReference(r[0][0][0]) for r in referred]
rings = []
for i in range(300):
    rings.append({"self": InCycle(), "more": []})
    rings[-1]["self"].back = rings[-1]
    rings[-1]["more"].append(rings[-1]["self"])
heads = []
for i in range(300):
    top = None
    for k in range(3):
        node = Node()
        node.next, node.value = top, InChain() if k == 0 else None
        top = node
    heads.append(top)
del top, node, i, k
def generate():
    kept = [InGenerator() for _ in range(300)]
    yield 1
    yield kept
generator = generate()
next(generator)
async def wait():
    session = [InCoroutine() for _ in range(300)]
    await asyncio.sleep(3600)
    return session
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
task = loop.create_task(wait())
loop.run_until_complete(asyncio.sleep(0.01))

at_work = threading.Event()
class Worker(object):
    def serve(self, count):
        unused = count
        kept = [InFrame() for _ in range(count)]
        at_work.set()
        threading.Event().wait()
        return kept, unused
thread = threading.Thread(target=Worker().serve, args=(500,))
thread.daemon = True
thread.start()
at_work.wait()
def finished():
    # Gone when this returns; its words may stay behind on the stack.
    kept = [InTail() for _ in range(300)]
    return kept[0]
tail = [finished() for _ in range(100)]
def main():
    mine = {}
    for i in range(200):
        mine[i] = InOwnFrame()
    os.write(1, b"0\\n"); os.read(0, 1)
    return mine
main()
"""

M = "module __main__ -> "
CHAINS = {
    "InLocal": M + "local: thread-local of 1 thread -> items: list[500]",
    "InLists": M + "lists: collections.defaultdict[50] -> list[20]",
    "InOrdered": M + "ordered: collections.OrderedDict[800]",
    "InMemo": M + "memo: functools.lru_cache[700, unbounded]",
    "InBounded": M + "recent: collections.deque[812, at most 5,000]",
    "InBoundedList": M + "pages: collections.deque[1,500, at most 1,500] -> "
                     "list[1]",
    "InDeque": M + "free: collections.deque[300]",
    "InOne": M + "per_user: dict[100] -> collections.deque[4, at most 4]",
    "InAnswer": M + "answer: functools.lru_cache[400, at most 10,000]",
    "InKey": M + "price: functools.lru_cache[400, at most 2,000] -> tuple[1]",
    "InDefault": M + "default: function __main__.default -> "
                 "defaults: tuple[1] -> dict[400]",
    "InMethod": M + "callbacks: list[300] -> method",
    "InHandler": M + "handler: logging.handlers.MemoryHandler -> "
                 "buffer: list[600] -> logging.LogRecord -> session: ",
    "InSlot": M + "slots: __main__.Slots -> list[400]",
    "InFinalizer": "class weakref.finalize -> _registry: dict[300] -> "
                   "weakref.finalize._Info -> tuple[1]",
    "InWeakDict": M + "by_key: weakref.WeakKeyDictionary -> data: dict[1] -> "
                  "list[300]",
    "InCallback": M + "references: list[300] -> weakref.ReferenceType -> "
                  "function __main__.when_gone.<locals>.<lambda> -> "
                  "closure: tuple[1] -> cell",
    "Referred": M + "referred: list[300] -> list[1] -> list[1] -> list[1]",
    "InCycle": M + "rings: list[300] -> dict[2]",
    "InChain": M + "heads: list[300] -> __main__.Node -> __main__.Node -> "
               "__main__.Node",
    "InTail": M + "tail: list[100]",
    "InFrame": "frame of __main__.%sserve -> kept: list[500]",
    "InOwnFrame": "frame of __main__.main -> mine: dict[200]",
    "InGenerator": M + "generator: generator -> %skept: list[300]",
    "InCoroutine": M + "task: _asyncio.Task -> coroutine -> "
                   "%ssession: list[300]",
}


def expected(name, minor):
    """The chain, as this version tells it."""
    text = CHAINS[name]
    own = "" if minor >= 11 else "frame of __main__."
    if name == "InFrame":
        # Before 3.11 code objects do not know the class.
        text %= "Worker." if minor >= 11 else ""
    elif name == "InGenerator":
        text %= own + "generate -> " if own else ""
    elif name == "InCoroutine":
        text %= own + "wait -> " if own else ""
    elif name == "InCallback" and minor < 10:
        text = text.replace("weakref.ReferenceType", "weakref")
    join = "" if text.endswith(": ") else " -> "
    return text + join + "__main__." + name


class Held(ObjectsCase):
    """One test per version, made below."""

    def holders(self, pid, name):
        result = self.plateau("objects", pid, "--holders", name, "--json")
        self.expect_status(result, 0)
        return json.loads(result.out)

    def chains(self, version, python):
        minor = int(version.split(".")[1])
        target = Target(self, python, HELD)
        target.numbers()
        wrong = []
        for name in CHAINS:
            found = self.holders(target.pid, "__main__." + name)
            told = [(c["chain"], c["found"]) for c in found["chains"]]
            first = told[0] if told else ("", 0)
            # A place that was left may still hold the address of one.
            if first[0] != expected(name, minor) or first[1] < 14 or \
                    not found["chains"][0]["rooted"]:
                wrong.append((expected(name, minor), told))
        self.assertEqual(wrong, [])
        if minor < 10:  # the entries' type says nothing of itself
            return
        # What a memo is made of is told as part of it.
        entries = self.holders(target.pid, "functools._lru_list_elem")
        self.assertRegex(entries["chains"][0]["chain"],
                         r"functools\.lru_cache\[400, at most [\d,]+\] -> "
                         r"functools\._lru_list_elem$")


class AtWork(ObjectsCase):
    def test_while_it_serves(self):
        """Lists and dicts that move while they are looked at."""
        target = Target(self, PYTHONS[-1][1], """
        import os, select
        class Order(object):
            def __init__(self, n):
                self.lines = [n]
        history = [Order(i) for i in range(50000)]
        by_id = {i: [i] for i in range(20000)}
        os.write(1, b"0\\n")
        i = 0
        # It serves until it is told to end, and some, however slow it is.
        while i < 1000 or not select.select([0], [], [], 0.005)[0]:
            for _ in range(10):
                i += 1
                history.append(Order(i))
                by_id[i % 30000] = [i]
                local = [[k] for k in range(50)]
        os.write(1, b"%d\\n" % i)
        """)
        target.numbers()
        good = 0
        for _ in range(5):
            result = self.plateau("objects", target.pid, "--holders",
                                  "__main__.Order", "--json")
            self.expect_status(result, 0)
            found = json.loads(result.out)
            good += sum(c["found"] for c in found["chains"]
                        if c["chain"].startswith(
                            "module __main__ -> history: list["))
        target.tell()
        self.assertGreaterEqual(target.numbers()[0], 1000)
        # 16 followed in each of the five.
        self.assertGreaterEqual(good, 40)

    def test_held_by_nothing_or_by_itself(self):
        """On each version, with a collector that never comes."""
        for _, python in PYTHONS:
            with self.subTest(python=python):
                target = Target(self, python, """
                import ctypes, gc, os
                gc.disable()
                class Cycle(object):
                    def __init__(self):
                        self.me = self
                class Lost(object): pass
                for _ in range(500):
                    Cycle()
                    lost = Lost()
                    ctypes.pythonapi.Py_IncRef(ctypes.py_object(lost))
                del lost
                os.write(1, b"0\\n"); os.read(0, 1)
                """)
                target.numbers()
                for name, what in (("Cycle", "cycles"), ("Lost", "lone")):
                    result = self.plateau("objects", target.pid, "--holders",
                                          "__main__." + name, "--json")
                    found = json.loads(result.out)
                    # A place that was left may still hold the address of one.
                    self.assertGreaterEqual(found[what], 12, result.out)

    def test_a_hash_holds_nothing(self):
        """The hash of an id is the object's address. On each version."""
        for _, python in PYTHONS:
            with self.subTest(python=python):
                target = Target(self, python, """
                import ctypes, os
                class Lost(object): pass
                by_id = {}
                ids = set()
                few = []
                for i in range(500):
                    lost = Lost()
                    by_id[id(lost)] = ids.add(id(lost))
                    few.append({id(lost)})
                    ctypes.pythonapi.Py_IncRef(ctypes.py_object(lost))
                del lost
                os.write(1, b"0\\n"); os.read(0, 1)
                """)
                target.numbers()
                result = self.plateau("objects", target.pid, "--holders",
                                      "__main__.Lost", "--json")
                found = json.loads(result.out)
                self.assertEqual(found["sampled"], 16)
                self.assertNotIn("module __main__ ", result.out)

    def test_classes_made_anew(self):
        target = Target(self, PYTHONS[-1][1], """
        import os
        class Meta(type): pass
        models = [Meta("Form%d" % i, (object,), {}) for i in range(300)]
        os.write(1, b"0\\n"); os.read(0, 1)
        """)
        target.numbers()
        result = self.plateau("objects", target.pid, "--holders",
                              "__main__.Meta", "--json")
        chain = json.loads(result.out)["chains"][0]
        self.assertEqual(chain["chain"],
                         "module __main__ -> models: list[300] -> "
                         "__main__.Meta")
        self.assertGreaterEqual(chain["found"], 12)

    def test_unknown_type_and_nothing_held(self):
        target = Target(self, PYTHONS[-1][1], """
        import os
        os.write(1, b"0\\n"); os.read(0, 1)
        """)
        target.numbers()
        result = self.plateau("objects", target.pid, "--holders",
                              "shop.Nothing", "--json")
        self.expect_status(result, 0)
        found = json.loads(result.out)
        self.assertEqual((found["instances"], found["chains"]), (0, []))


def add_version_tests():
    for version, python in PYTHONS:
        def test(self, version=version, python=python):
            self.chains(version, python)
        setattr(Held, "test_chains_%s" % version.replace(".", "_"), test)


add_version_tests()

if __name__ == "__main__":
    unittest.main()
