"""Plateau's agent inside a Python service: what cannot be had from outside.

Put on the service's path as sitecustomize.py when the scenario says
`python = agent`. It listens on a Unix socket of its own per process (also in
forked workers), answers one line of JSON per line of request, and does
nothing unless asked. Standard library only, Python 3.6 and later; it never
raises into the service. A dead-man timer ends tracing when nobody asks.
"""

import errno
import gc
import json
import os
import sys
import time

import _socket
import _thread

_DIR = os.environ.get("PLATEAU_AGENT_DIR", "")
_MAX_REPLY = 1 << 20
_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS,
            errno.ECONNABORTED, errno.EINTR)
_state = {"tracing_until": 0.0, "before": None, "marked": None,
          "marked_until": 0.0, "tracker": None, "record": False, "calls": [],
          "held": None, "held_as": None, "held_until": 0.0, "pid": 0}

try:
    import ctypes

    _trim = ctypes.CDLL(None).malloc_trim
except Exception:  # musl, a static build, no ctypes: trimming is left out
    _trim = None


def _chain_to_other_sitecustomize():
    """Runs the sitecustomize.py that we stand in front of, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    keep = sys.modules.pop("sitecustomize", None)
    path = sys.path[:]
    sys.path[:] = [p for p in path if os.path.abspath(p or ".") != here]
    try:
        import sitecustomize  # noqa: F401
    except ImportError:
        if keep is not None:
            sys.modules["sitecustomize"] = keep
    finally:
        sys.path[:] = path


def _type_name(obj):
    return _name_of(type(obj))


def _name_of(t):
    module = getattr(t, "__module__", None)
    name = getattr(t, "__qualname__", None) or t.__name__
    if not isinstance(module, str) or module == "builtins":
        return name
    return module + "." + name


def _in_main_thread(call, limit_s):
    """Lets the main thread run `call` at its next bytecode, and waits for it:
    what a profiler sees of a thread depends on the thread that starts it.
    Returns whether it was done in time; it may be done later."""
    import ctypes

    done = _thread.allocate_lock()
    done.acquire()

    def run(_):
        try:
            call()
        except Exception:
            pass
        done.release()
        return 0

    kept = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(run)
    _state["calls"].append(kept)
    ctypes.pythonapi.Py_AddPendingCall(kept, None)
    return done.acquire(True, limit_s)


def _profile_start(_args):
    """Where the service has memray: records allocations into a file. Comes
    after trace_start and ends before it does, since both stand in front of
    the allocator."""
    memray = sys.modules.get("memray")
    if memray is None:
        return {"memray": False}
    path = os.path.join(_DIR, "%d.memray" % os.getpid())

    def start():
        if _state["record"]:
            tracker = memray.Tracker(path, trace_python_allocators=True)
            tracker.__enter__()
            _state["tracker"] = tracker
            if not _state["record"]:  # ended meanwhile
                _profile_stop()

    # A thread that waits for a request starts with that request.
    _state["record"] = True
    _in_main_thread(start, 0.2)
    return {"memray": True}


def _profile_stop():
    tracker = _state.pop("tracker", None)  # once, whichever thread comes
    _state["tracker"] = None
    if tracker is not None:
        tracker.__exit__(None, None, None)


def _profile_take(_args):
    """Ends the recording; where it lies, and the interpreter that reads it."""
    _state["record"] = False
    if _state["tracker"] is not None:
        _in_main_thread(_profile_stop, 0.2)
        # That thread waits for a request, which may never come. Ended from
        # here, it keeps a hook that finds no recorder and does nothing.
        _profile_stop()
    path = os.path.join(_DIR, "%d.memray" % os.getpid())
    if not os.path.exists(path):
        return {"path": None}
    return {"path": path, "size": os.stat(path).st_size,
            "executable": sys.executable}


def _bare(name):
    """A type's name as _type_name gives it: no "builtins." in front."""
    return name[9:] if name.startswith("builtins.") else name


def _collecting():
    """Whether the service collects. Where it runs without its collector,
    cycles stay for ever: to collect for it would hide that leak, and free
    what the diagnosis looks for."""
    return gc.isenabled() and gc.get_threshold()[0] > 0


def _collect(_args):
    start = time.perf_counter()
    enabled = _collecting()
    found = gc.collect() if enabled else 0
    trimmed = bool(_trim(0)) if _trim is not None else False
    return {
        "collected": found,
        "garbage": len(gc.garbage),
        "enabled": enabled,
        "trimmed": trimmed,
        "seconds": time.perf_counter() - start,
    }


def _count(_args):
    return {
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "garbage": len(gc.garbage),
        "enabled": gc.isenabled(),
        "frozen": gc.get_freeze_count() if hasattr(gc, "get_freeze_count") else 0,
    }


def _trace_start(args):
    import tracemalloc

    if "memray" in args[2:]:
        try:
            import memray  # noqa: F401  before we trace, or its own is found
        except Exception:
            pass
    frames = max(1, min(25, int(args[0]) if args else 8))
    seconds = max(1.0, min(120.0, float(args[1]) if len(args) > 1 else 30.0))
    _state["tracing_until"] = time.monotonic() + seconds
    if not tracemalloc.is_tracing():
        tracemalloc.start(frames)
    if _collecting():
        gc.collect()
    _state["before"] = _snapshot(tracemalloc)
    return {"tracing": True}


def _snapshot(tracemalloc):
    snap = tracemalloc.take_snapshot()
    return snap.filter_traces(
        [
            tracemalloc.Filter(False, tracemalloc.__file__),
            tracemalloc.Filter(False, __file__),
            tracemalloc.Filter(False, "<frozen importlib._bootstrap*>"),
        ]
    )


def _trace_take(args):
    """Sites that hold more than at trace_start, most bytes first."""
    import tracemalloc

    most = max(1, min(100, int(args[0]) if args else 20))
    before = _state["before"]
    if before is None or not tracemalloc.is_tracing():
        return {"error": "not tracing"}
    if _collecting():
        gc.collect()
    after = _snapshot(tracemalloc)
    sites = []
    for stat in after.compare_to(before, "traceback"):
        if stat.size_diff <= 0 and stat.count_diff <= 0:
            continue
        if any(f.filename == __file__ for f in stat.traceback):
            continue  # made by our own asking
        frames = ["%s:%d" % (f.filename, f.lineno) for f in stat.traceback]
        # 3.7 and later list the oldest frame first; before, the newest.
        if sys.version_info >= (3, 7):
            frames.reverse()
        sites.append(
            {"bytes": stat.size_diff, "count": stat.count_diff, "frames": frames}
        )
    sites.sort(key=lambda s: (-s["bytes"], s["frames"]))
    _trace_stop(())
    return {"sites": sites[:most]}


def _trace_stop(_args):
    import tracemalloc

    _state["before"] = None
    _state["tracing_until"] = 0.0
    if _state["tracker"] is not None:
        _profile_take(())  # it lies above: it must end first
    if tracemalloc.is_tracing():
        tracemalloc.stop()
    return {"tracing": False}


def _is(obj, kind):
    """isinstance() without a look at obj.__class__: asking a proxy runs its
    code, asking a thread-local makes one more for our thread."""
    return issubclass(type(obj), kind)


def _own(obj, name):
    """An attribute without the object's own ideas of attributes; or None."""
    try:
        return object.__getattribute__(obj, name)
    except Exception:
        return None


def _label(obj):
    """One step of a chain: "list[51,204]", "class shop.Cart", "shop.Order"."""
    name = _type_name(obj)
    if _is(obj, type):
        return "class %s.%s" % (obj.__module__, obj.__qualname__)
    if name == "function":
        return "function %s.%s" % (obj.__module__, obj.__qualname__)
    if name in _CONTAINERS:
        return "%s[%s]" % (name, format(len(obj), ","))
    return name


_FRAME = type(sys._getframe())
_CONTAINERS = ("list", "dict", "set", "frozenset", "tuple",
               "collections.deque", "collections.OrderedDict",
               "collections.defaultdict")


def _key_of(namespace, child):
    """Under which name a namespace holds `child`, or "". Keys of other dicts
    are never told: they may be somebody's data."""
    for key in list(namespace):
        if namespace.get(key) is child:
            return str(key)
    return ""


def _is_namespace(obj, child):
    """Is the dict `child` the __dict__ of `obj`?"""
    if type(child) is not dict:
        return False
    if _is(obj, type):
        return "__module__" in child
    return _own(obj, "__dict__") is child


def _attribute(obj, child):
    """By which attribute `obj` holds `child`, or "". Attributes may lie in
    the instance itself (3.11 and later), or in slots."""
    if _is(obj, (dict, list, tuple, set, frozenset)):
        return ""
    if type(obj).__name__ == "function":
        for part in ("defaults", "kwdefaults", "closure"):
            if getattr(obj, "__%s__" % part, None) is child:
                return part
    name = _key_of(_own(obj, "__dict__") or {}, child)
    for kind in type(obj).__mro__ if not name else ():
        slots = getattr(kind, "__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if _own(obj, slot) is child:
                return slot
    return name


def _contained(path, i):
    """A deque or a memo (functools.lru_cache) at path[i] that holds what comes
    next among its entries: what it is, how many entries it has, how many it
    takes at most (None: any number), and how many places of the path lie
    before the entry. Else None."""
    obj, name = path[i], _type_name(path[i])
    at = i + 1
    if at == len(path):
        return None
    if name == "collections.deque":
        return "deque", len(obj), obj.maxlen, 1
    if name != "functools._lru_cache_wrapper" or \
            path[at] is obj.__wrapped__ or _own(obj, "__dict__") is path[at]:
        return None
    if type(path[at]) is dict:  # where there is no limit: its table
        at += 1
    if at == len(path):
        return None
    while at + 1 < len(path) and type(path[at]).__name__ == "_lru_list_elem":
        at += 1
    info = obj.cache_info()
    return "lru_cache", info.currsize, info.maxsize, at - i


def _bound_of(path):
    """The first container on the way that takes no more than so many entries:
    its id and what to tell of it. Else (0, None)."""
    for i, obj in enumerate(path):
        try:
            found = _contained(path, i)
        except Exception:
            found = None
        if found is not None and found[2] is not None:
            return id(obj), {
                "container": found[0], "size": found[1], "limit": found[2],
                "entry": _type_name(path[i + found[3]])}
    return 0, None


def _module_of(namespace):
    name = namespace.get("__name__") if _is(namespace, dict) else None
    module = sys.modules.get(name) if type(name) is str else None
    if module is not None and getattr(module, "__dict__", None) is namespace:
        return name
    return None


def _is_frame(obj):
    return type(obj) is _FRAME


def _running():
    """The service's frames that run now. Ours would hold what we look at."""
    found = []
    for frame in list(sys._current_frames().values()):
        while frame is not None:
            if frame.f_code.co_filename != __file__:
                found.append(frame)
            frame = frame.f_back
    return found


def _frame_step(frame, child):
    code = frame.f_code
    name = getattr(code, "co_qualname", code.co_name)
    text = "frame of %s.%s (%s:%d)" % (
        frame.f_globals.get("__name__", "?"), name,
        os.path.basename(code.co_filename), frame.f_lineno)
    for key, value in list(frame.f_locals.items()):
        if value is child:
            return text, key, 1
    return text, "", 1


def _step(path, i):
    """Text of path[i], the name under which it holds what comes next, and how
    many places of the path that covers."""
    obj = path[i]
    after = path[i + 1:i + 4] + [None] * 3
    if _is_frame(obj):
        return _frame_step(obj, after[0])
    module = _module_of(obj)
    if module is not None:
        return "module " + module, _key_of(obj, after[0]), 1
    if type(obj).__name__ == "_local" and type(after[0]) is dict:
        # A dict of all threads, then (by a weak reference) one of each.
        own = 1 if type(after[1]) is dict else 2
        if type(after[own]) is dict and i + own + 1 < len(path):
            n = len(after[0])
            return ("thread-local of %d thread%s" % (n, "s" * (n != 1)),
                    _key_of(after[own], path[i + own + 2])
                    if i + own + 2 < len(path) else "", own + 2)
    found = _contained(path, i)
    if found is not None:
        what, size, limit, covered = found
        text = ("functools." if what == "lru_cache" else "collections.") + what
        text += "[%s" % format(size, ",")
        if limit is not None:
            text += ", at most %s" % format(limit, ",")
        elif what == "lru_cache":
            text += ", unbounded"
        return text + "]", "", covered
    text = _label(obj)
    if _is_namespace(obj, after[0]) and after[1] is not None:
        return text, _key_of(after[0], after[1]), 2
    if text.startswith("function ") and after[0] is obj.__closure__:
        for name, cell in zip(obj.__code__.co_freevars, obj.__closure__ or ()):
            if cell is after[1]:
                return text, "closure " + name, 2 if after[2] is None else 3
    return text, _attribute(obj, after[0]) if after[0] is not None else "", 1


def _steps(path):
    """The places of a path that are told, the root first, the instance last:
    each with its index, the name it is held under, or "", and its text."""
    name = ""
    i = 0
    while i < len(path):
        called = name
        try:
            text, name, covered = _step(path, i)
        except Exception:
            text, name, covered = _type_name(path[i]), "", 1
        yield i, called, text
        i += covered


def _chain_text(path):
    return " -> ".join((name + ": " if name else "") + text
                       for _, name, text in _steps(path))


_PLAIN = (list, dict, set, frozenset, tuple)


def _fullest(path):
    """The container on the way to an instance with the most entries: its id,
    and what it is called. None: there is none with two."""
    most, found = 1, None
    for i, name, text in _steps(path):
        obj, size = path[i], 0
        try:
            contained = _contained(path, i)
        except Exception:
            contained = None
        if i + 1 == len(path):
            continue  # the instance itself
        if contained is not None:
            size = contained[1]
        elif _module_of(obj) is None:
            for kind in _PLAIN:
                if _is(obj, kind):
                    size = kind.__len__(obj)
        if size > most:
            most, found = size, (id(obj), name or text)
    return found


class _Search:
    """Who refers to some objects, level by level: one pass over the heap per
    level for all of them. Only `objects` holds references; the rest are ids,
    so that the search does not find itself."""

    def __init__(self, sample):
        self.objects = {id(o): o for o in sample}
        self.running = {id(frame) for frame in _running()}
        self.any_frame = False  # frames that have ended will do, too
        self.parents = {}  # id -> ids of what refers to it
        self.whole = True  # nothing was left out
        self.fullest = {}  # a chain's text -> what _fullest says of it
        self.level = list(self.objects)

    def is_root(self, obj):
        """Where chains begin: a module's namespace, a class, a running frame.
        A frame that has ended is kept by somebody (a traceback)."""
        if _is_frame(obj):
            return self.any_frame or id(obj) in self.running
        return _is(obj, type) or _module_of(obj) is not None

    def climb(self, deadline):
        """One level up; False when there is none."""
        asked = [self.objects[i] for i in self.level
                 if not self.is_root(self.objects[i])]
        if not asked:
            return False
        below = set(map(id, asked))
        # The call's own arguments are found on some versions; an object that
        # nobody else has tells them.
        ours = object()
        asked.append(ours)
        found = gc.get_referrers(*asked)
        skip = {id(asked), id(found), id(self.objects), id(self.__dict__),
                id(globals()), id(_state), id(_state["calls"])}
        self.level = []
        for parent in found:
            if id(parent) in skip or (
                    _is_frame(parent)
                    and parent.f_code.co_filename == __file__) or (
                    type(parent) is tuple and parent and parent[-1] is ours):
                continue
            if time.monotonic() > deadline or len(self.objects) > 20000:
                self.whole = False
                break
            for child in gc.get_referents(parent):
                if id(child) in below:
                    known = self.parents.setdefault(id(child), [])
                    if len(known) < 200:
                        known.append(id(parent))
            if id(parent) not in self.objects:
                self.objects[id(parent)] = parent
                self.level.append(id(parent))
        # Our own frame may be among what was found: no cycle shall stay.
        found = asked = parent = child = None
        return bool(self.level)

    def add_frames(self):
        """Running frames are no objects that the collector knows."""
        for frame in _running():
            for value in list(frame.f_locals.values()):
                if id(value) in self.objects:
                    self.objects[id(frame)] = frame
                    self.running.add(id(frame))
                    self.parents.setdefault(id(value), []).append(id(frame))
        frame = value = None

    def path(self, start):
        """The shortest way to a root, root first; None: there is none yet."""
        came = {start: None}
        queue = [start]
        for at in queue:
            if at != start and self.is_root(self.objects[at]):
                way = []
                while at is not None:
                    way.append(self.objects[at])
                    at = came[at]
                return way
            for up in self.parents.get(at, ()):
                if up not in came:
                    came[up] = at
                    queue.append(up)
        return None

    def ending(self, start):
        """What there is above an object without a root: "lone", "cycle", or
        the path to what nothing in Python refers to."""
        came = {start: None}
        queue = [start]
        top = None
        for at in queue:
            if not self.parents.get(at):
                top = at
            for up in self.parents.get(at, ()):
                if up not in came:
                    came[up] = at
                    queue.append(up)
        if top == start:
            return "lone"
        if top is None:
            return "cycle"
        way = []
        while top is not None:
            way.append(self.objects[top])
            top = came[top]
        return way


class _Named:
    """Tells the objects of some types, by the types' names. A name is made
    once per type: there are a million objects and a thousand types."""

    def __init__(self, names):
        self.wanted = {_bare(name) for name in names}
        self.known = {}  # a type's id -> its name when wanted, or ""

    def of(self, obj):
        t = type(obj)
        name = self.known.get(id(t))
        if name is None:
            name = _name_of(t)
            name = self.known[id(t)] = name if name in self.wanted else ""
        return name


def _mark(args):
    """Remembers which instances of the named types there are: what grows is
    among those that come later."""
    named = _Named(args)
    gc_objects = gc.get_objects()
    if len(gc_objects) > 2000000:
        _state["marked"] = None
        return {"marked": 0}
    _state["marked"] = {id(o) for o in gc_objects if named.of(o)}
    _state["marked_until"] = time.monotonic() + 120
    return {"marked": len(_state["marked"])}


def _instances(args):
    """How many instances of each named type there are, and how many of them
    came after _mark."""
    named = _Named(args)
    marked = _state["marked"] or ()
    total = dict.fromkeys(named.wanted, 0)
    fresh = dict.fromkeys(named.wanted, 0)
    if _collecting():
        gc.collect()
    for o in gc.get_objects():
        name = named.of(o)
        if name:
            total[name] += 1
            fresh[name] += id(o) not in marked
    return {"total": [total[_bare(name)] for name in args],
            "fresh": [fresh[_bare(name)] for name in args]}


def _choose(wanted, most):
    """The number of instances of a type, and a sample of those that came
    after _mark, if any did."""
    named = _Named([wanted])
    found = [o for o in gc.get_objects() if named.of(o)]
    total = len(found)
    marked = _state["marked"]
    fresh = [o for o in found if marked and id(o) not in marked] or found
    return total, fresh[:: -max(1, len(fresh) // most)][:most]


def _tell(search, ids, found):
    """Adds the chains of those that have a root by now, with their bounds."""
    for start in ids:
        if start not in found:
            way = search.path(start)
            if way is not None:
                text = _chain_text(way)
                found[start] = text, _bound_of(way)
                if text not in search.fullest:
                    search.fullest[text] = _fullest(way)


def _ranked(paths):
    """Chains with how many instances hang on each, most first. Many
    containers alike bound nothing: their number is what may grow."""
    chains = {}
    for text, (container, bound) in paths.values():
        count, at, _ = chains.get(text, (0, container, None))
        same = at == container
        chains[text] = (count + 1, container if same else 0,
                        bound if same else None)
    return [{"chain": text, "count": count, "bound": bound}
            for text, (count, _, bound) in
            sorted(chains.items(), key=lambda kv: (-kv[1][0], kv[0]))]


def _holders(args):
    """Who keeps instances of the named type: chains with their counts."""
    wanted = _bare(args[0]) if args else ""
    most = max(1, min(32, int(args[1]) if len(args) > 1 else 5))
    deadline = time.monotonic() + max(
        0.1, min(20.0, float(args[2]) if len(args) > 2 else 5.0))
    if _collecting():
        gc.collect()
    total, sample = _choose(wanted, most)
    ids = [id(o) for o in sample]
    search = _Search(sample)
    del sample
    paths = {}
    for _ in range(16):
        more = search.climb(deadline)
        _tell(search, ids, paths)
        if not more or len(paths) == len(ids) or not search.whole:
            break
    if len(paths) < len(ids):
        search.add_frames()
        _tell(search, ids, paths)
        search.any_frame = True
        _tell(search, ids, paths)
    lone = cycles = 0
    for start in ids:
        ending = search.ending(start) if start not in paths else None
        if not search.whole or more and len(paths) < len(ids):
            ending = None  # the way up was not seen to its end
        lone += ending == "lone"
        cycles += ending == "cycle"
        if isinstance(ending, list):
            paths[start] = ("(C code) -> " + _chain_text(ending),
                            _bound_of(ending))
    chains = _ranked(paths)
    _remember(search, search.fullest.get(chains[0]["chain"])
              if chains else None)
    return {
        "type": wanted,
        "instances": total,
        "sampled": len(ids),
        "lone": lone,
        "cycles": cycles,
        "collector": _collecting(),
        "chains": chains,
        "holder": _state["held_as"],
    }


def _remember(search, fullest):
    """Keeps the container that _deep may be asked about, for a while."""
    at, name = fullest or (0, None)
    _state["held"], _state["held_as"] = search.objects.get(at), name
    _state["held_until"] = time.monotonic() + 30


class _Enough(Exception):
    """The time, or the number of objects, for a deep size is over."""


_SIZED_MOST = 100000  # objects that pympler looks at, in half a second


def _steps_aside(kind):
    """How to take the instances of a type: "whole" as pympler does, "dict"
    where only its own __dict__ may be asked for, or "flat" where asking alone
    would run the service's code: a proxy that asks the database, a
    thread-local that makes one more for our thread."""
    way = "whole"
    if issubclass(kind, (type(sys), type(_thread._local()))):
        return "flat"
    if issubclass(kind, BaseException):
        return "dict"  # its msg, or filename, may be a property
    for base in kind.__mro__[:-1]:
        own = type.__dict__["__dict__"].__get__(base)
        heap = base.__flags__ & 512  # made by a class statement
        if "__class__" in own or heap and "__getattribute__" in own or \
                type(own.get("__dict__")) not in (_GETSET, type(None)):
            return "flat"
        if heap and not {"__getattr__", "__sizeof__", "__len__", "__iter__",
                         "items"}.isdisjoint(own):
            way = "dict"
    return way


_GETSET = type(type.__dict__["__dict__"])
_FUNCTION = type(_steps_aside)
# What no service piles up, and pympler leaves out.
_CODE = (type, type(sys), type(len), type(_steps_aside.__code__), _GETSET)


def _sees_all(obj, seen):
    """Was all that an object refers to looked at? pympler does not see into
    tasks, frames and most of what is written in C."""
    if _is(obj, _FUNCTION):
        return obj.__closure__ is None
    if _is(obj, _CODE) or not gc.is_tracked(obj):
        return True
    return all(id(o) in seen or _is(o, _CODE) for o in gc.get_referents(obj))


def _sizer(asizeof, deadline):
    """pympler's, which ends in time and runs none of the service's code."""

    class Sizer(asizeof.Asizer):
        seen = 0
        ways = {}
        least = False  # something was not looked into

        def _sizer(self, obj, pid, deep, sized):
            self.seen += 1
            if self.seen > _SIZED_MOST or time.monotonic() > deadline:
                raise _Enough()
            again = id(obj) in self._seen
            size = self._one(obj, pid, deep, sized)
            if not (again or self.least or _sees_all(obj, self._seen)):
                self.least = True
            return size

        def _one(self, obj, pid, deep, sized):
            kind = type(obj)
            if kind not in self.ways:
                self.ways[kind] = _steps_aside(kind)
            way = self.ways[kind]
            if way == "whole":
                return super()._sizer(obj, pid, deep, sized)
            if id(obj) in self._seen:
                return 0
            self._seen[id(obj)] = 1
            size = object.__sizeof__(obj)
            held = _own(obj, "__dict__") if way == "dict" else None
            if type(held) is dict and deep < 100:
                size += self._sizer(held, id(obj), deep + 1, sized)
            if way == "dict" and _is(obj, dict):
                size += dict.__sizeof__(obj) - object.__sizeof__(obj)
                for key, value in list(dict.items(obj)):
                    size += self._sizer(key, id(obj), deep + 1, sized)
                    size += self._sizer(value, id(obj), deep + 1, sized)
            return size

    return Sizer()


def _entries(container):
    """What lies in a container. A memo with a limit has its entries beside
    its table of links, one without in the table."""
    found = gc.get_referents(container)
    if type(container).__name__ != "_lru_cache_wrapper":
        return found
    entries = []
    apart = {id(container.__wrapped__), id(_own(container, "__dict__"))}
    for o in found:
        if type(o) is dict and id(o) not in apart:
            entries += [v for v in list(o.values())
                        if type(v).__name__ != "_lru_list_elem"]
        elif id(o) not in apart and type(o).__name__ != "_lru_list_elem":
            entries.append(o)
    return entries


def _deep(args):
    """What the container of the last chain holds in all, as pympler counts,
    where the service has it. Entries are taken from all over it; the rest is
    like them when the time ends before."""
    container, name = _state["held"], _state["held_as"]
    _state["held"] = None
    nothing = {"bytes": None}
    if container is None:
        return nothing
    seconds = max(0.1, min(5.0, float(args[0]) if args else 1.0))
    try:
        from pympler import asizeof

        sizer = _sizer(asizeof, time.monotonic() + seconds)
        asizeof.Asizer._sizer  # what we bound must be there
    except Exception:
        return nothing
    entries = _entries(container)
    n = len(entries)
    # A step that has no part in common with n leads to every entry once.
    step = max(1, int(n * 0.618))
    while _common(step, n) > 1:
        step += 1
    sizes = [0]
    try:
        for i in range(n):
            size = sizer._sizer(entries[i * step % n], 0, 0, None)
            sizes.append(sizes[-1] + size)
    except _Enough:
        pass
    done = len(sizes) - 1
    if sizer.seen <= done or done < min(n, 64):
        return nothing
    # What the entries share is in the first half already.
    half = done // 2
    each = (sizes[done] - sizes[half]) / max(1, done - half)
    own = next((kind.__sizeof__(container) for kind in _PLAIN
                if _is(container, kind)), 0)
    return {"name": name, "bytes": int(own + sizes[done] + each * (n - done)),
            "whole": done == n, "entries": n,
            "least": sizer.least or bool(getattr(sizer, "_missed", 0)),
            "seen": sizer.seen}


def _common(a, b):
    while b:
        a, b = b, a % b
    return a


def _ping(_args):
    return {
        "pid": os.getpid(),
        "version": sys.version.split()[0],
        "tracing": _state["before"] is not None,
    }


_VERBS = {
    "ping": _ping,
    "collect": _collect,
    "count": _count,
    "trace_start": _trace_start,
    "trace_take": _trace_take,
    "trace_stop": _trace_stop,
    "profile_start": _profile_start,
    "profile_take": _profile_take,
    "mark": _mark,
    "instances": _instances,
    "holders": _holders,
    "deep": _deep,
}


def _peer_allowed(conn):
    import struct

    cred = conn.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    uid = struct.unpack("3i", cred)[1]
    return uid in (0, os.getuid())


def _answer(line):
    words = line.decode("utf-8", "replace").split("\t")
    verb = _VERBS.get(words[0])
    if verb is None:
        return {"error": "unknown verb"}
    try:
        return verb(words[1:])
    except Exception as e:  # told to the asker, never to the service
        return {"error": "%s: %s" % (type(e).__name__, e)}


_TEXT_MAX = 2000


def _plain(answer):
    """The same with texts that any reader of JSON takes: of a bounded length,
    without NULs and halves of surrogate pairs, which names may have."""
    if _is(answer, str):
        text = str.__str__(answer)
        if len(text) > _TEXT_MAX:
            half = _TEXT_MAX // 2
            text = text[:half] + "..." + text[-half:]
        return text.replace("\0", "?").encode("utf-8", "replace").decode()
    if _is(answer, dict):
        return {k: _plain(v) for k, v in answer.items()}
    if _is(answer, (list, tuple)):
        return [_plain(v) for v in answer]
    return answer


def _serve_one(conn):
    conn.settimeout(5.0)
    line = b""
    while not line.endswith(b"\n") and len(line) < 4096:
        got = conn.recv(4096)
        if not got:
            return
        line += got
    reply = json.dumps(_plain(_answer(line.strip())))
    reply = reply.encode("ascii")[:_MAX_REPLY]
    reply += b"\n"
    conn.settimeout(30.0)
    while reply:
        reply = reply[conn.send(reply):]


def _dead_man():
    """Ends what nobody asks after any more; whether there is more to end."""
    until = _state["tracing_until"]
    if until and time.monotonic() > until:
        _trace_stop(())
    if _state["marked"] and time.monotonic() > _state["marked_until"]:
        _state["marked"] = None
    held = _state["held"] is not None
    if held and time.monotonic() > _state["held_until"]:
        _state["held"] = None
    return bool(_state["tracing_until"] or _state["marked"] or held)


def _serve(listener, pid):
    while os.getpid() == pid:
        # With nothing to end, this thread sleeps until it is asked.
        listener.settimeout(1.0 if _dead_man() else None)
        try:
            fd, _peer = listener._accept()
        except _socket.timeout:
            continue
        except OSError as e:
            if e.errno not in _PASSING:
                return  # closed by the service, as daemons do
            time.sleep(1.0)
            continue
        conn = _socket.socket(fileno=fd)
        try:
            if _peer_allowed(conn):
                _serve_one(conn)
        except Exception:
            pass
        finally:
            conn.close()


def _start():
    """Opens this process's socket and its thread; called again after fork."""
    pid = os.getpid()
    if _state["pid"] == pid:
        return
    _state["pid"] = pid
    _state["before"] = _state["marked"] = _state["tracker"] = None
    _state["held"] = None
    path = os.path.join(_DIR, "%d.sock" % pid)
    try:
        listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            os.unlink(path)
        except OSError:
            pass
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(4)
        _thread.start_new_thread(_serve, (listener, pid))
    except Exception:
        pass


if _DIR:
    try:
        _start()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_start)
    except Exception:
        pass
    _chain_to_other_sitecustomize()
