"""Plateau's agent inside a Python service: what cannot be had from outside.

Put on the service's path as sitecustomize.py when the scenario says
`python = agent`. It listens on a Unix socket of its own per process (also in
forked workers), answers one line of JSON per line of request, and does
nothing unless asked. Standard library only, Python 3.6 and later; it never
raises into the service. A dead-man timer ends tracing when nobody asks.
"""

import gc
import json
import os
import sys
import time

import _socket
import _thread

_DIR = os.environ.get("PLATEAU_AGENT_DIR", "")
_MAX_REPLY = 1 << 20
_state = {"tracing_until": 0.0, "before": None, "pid": 0}

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
    t = type(obj)
    module = getattr(t, "__module__", None)
    name = getattr(t, "__qualname__", None) or t.__name__
    if not isinstance(module, str) or module == "builtins":
        return name
    return module + "." + name


def _collect(_args):
    start = time.perf_counter()
    # Where the service runs without its collector, cycles stay for ever:
    # collecting here would hide that leak.
    enabled = gc.isenabled() and gc.get_threshold()[0] > 0
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

    frames = max(1, min(25, int(args[0]) if args else 8))
    seconds = max(1.0, min(120.0, float(args[1]) if len(args) > 1 else 30.0))
    _state["tracing_until"] = time.monotonic() + seconds
    if not tracemalloc.is_tracing():
        tracemalloc.start(frames)
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
    if tracemalloc.is_tracing():
        tracemalloc.stop()
    return {"tracing": False}


def _short(value):
    try:
        if isinstance(value, (str, int)):
            text = repr(value)
            return text if len(text) <= 40 else text[:37] + "..."
    except Exception:
        pass
    return _type_name(value)


def _label(obj):
    """A container as the report shows it: "list[51204]"."""
    name = _type_name(obj)
    if isinstance(obj, (list, dict, set, frozenset, tuple)):
        return "%s[%d]" % (name, len(obj))
    return name


def _edge(parent, child):
    """How `parent` holds `child`: a key, an attribute, or nothing to tell."""
    try:
        # Among many keys one says nothing, and chains with it never add up.
        if isinstance(parent, dict):
            for key in list(parent) if len(parent) <= 100 else ():
                if parent.get(key) is child:
                    return _short(key)
        elif not isinstance(parent, type):
            # Attributes may lie in the instance itself (3.11 and later).
            for key, value in list(vars(parent).items()):
                if value is child:
                    return key
    except Exception:
        pass
    return ""


def _module_of(namespace):
    name = namespace.get("__name__") if isinstance(namespace, dict) else None
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is not None and getattr(module, "__dict__", None) is namespace:
        return name
    return None


def _root_text(obj, child):
    """The end of a chain: a module's global, a class attribute, a frame."""
    module = _module_of(obj)
    if module is not None:
        for key in list(obj):
            if obj.get(key) is child:
                return "module %s -> %s" % (module, key)
    if isinstance(obj, type):
        return "class %s.%s" % (obj.__module__, obj.__qualname__)
    if type(obj).__name__ == "frame":
        code = obj.f_code
        for key, value in list(obj.f_locals.items()):
            if value is child:
                return "frame %s (%s:%d) local %s" % (
                    code.co_name, code.co_filename, obj.f_lineno, key)
    return None


def _climb(target, deadline, ours):
    """Breadth first from `target` to a root; a list of texts, root first."""
    queue = [(target, (target,))]
    seen = {id(target)}
    while queue and time.monotonic() < deadline and len(seen) < 20000:
        obj, path = queue.pop(0)
        referrers = gc.get_referrers(obj)
        skip = ours | {id(referrers), id(queue), id(path), id(seen)}
        for parent in referrers:
            if id(parent) in skip or id(parent) in seen:
                continue
            if type(parent).__name__ == "frame" and (
                    parent.f_code.co_filename == __file__):
                continue
            root = _root_text(parent, obj)
            if root is not None:
                return [root] + _path_texts(path)
            seen.add(id(parent))
            if len(path) < 12:
                queue.append((parent, path + (parent,)))
    return None


def _path_texts(path):
    """path: target first, the object that the root holds last."""
    texts = []
    above = None
    for obj in reversed(path):
        edge = _edge(above, obj) if above is not None else ""
        texts.append("%s%s" % (edge + ": " if edge else "", _label(obj)))
        above = obj
    return texts


def _holders(args):
    """Who keeps instances of the named type: chains with their counts."""
    wanted = args[0] if args else ""
    most = max(1, min(20, int(args[1]) if len(args) > 1 else 5))
    deadline = time.monotonic() + max(
        0.5, min(20.0, float(args[2]) if len(args) > 2 else 5.0))
    everything = gc.get_objects()
    found = [o for o in everything if _type_name(o) == wanted]
    total = len(found)
    step = max(1, total // most)
    sample = found[::-step][:most]
    ours = {id(everything), id(found), id(sample)}
    del everything
    chains = {}
    for obj in sample:
        chain = _climb(obj, deadline, ours)
        if chain is not None:
            key = " -> ".join(chain)
            chains[key] = chains.get(key, 0) + 1
    ranked = sorted(chains.items(), key=lambda kv: (-kv[1], kv[0]))
    return {
        "type": wanted,
        "instances": total,
        "sampled": len(sample),
        "chains": [{"chain": k, "count": n} for k, n in ranked],
    }


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
    "holders": _holders,
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


def _serve_one(conn):
    conn.settimeout(5.0)
    line = b""
    while not line.endswith(b"\n") and len(line) < 4096:
        got = conn.recv(4096)
        if not got:
            return
        line += got
    reply = json.dumps(_answer(line.strip())).encode("ascii")[:_MAX_REPLY]
    reply += b"\n"
    conn.settimeout(30.0)
    while reply:
        reply = reply[conn.send(reply):]


def _dead_man():
    until = _state["tracing_until"]
    if until and time.monotonic() > until:
        _trace_stop(())


def _serve(listener, pid):
    while os.getpid() == pid:
        try:
            fd, _peer = listener._accept()
        except OSError:
            _dead_man()
            continue
        conn = _socket.socket(fileno=fd)
        try:
            if _peer_allowed(conn):
                _serve_one(conn)
        except Exception:
            pass
        finally:
            conn.close()
        _dead_man()


def _start():
    """Opens this process's socket and its thread; called again after fork."""
    pid = os.getpid()
    if _state["pid"] == pid:
        return
    _state["pid"] = pid
    _state["before"] = None
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
        listener.settimeout(1.0)
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
