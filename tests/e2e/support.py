"""What the end-to-end tests share: services on free loopback ports, runs of
the program, and what they leave.

Whatever a test starts is ended by pid when the test ends. Nothing sleeps to
synchronise: a service is waited for by its ready line or its port, a state by
asking until a deadline.
"""

import contextlib
import csv
import http.client
import json
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FLAVOUR = os.environ.get("PLATEAU_FLAVOUR", "release")
# Sanitizers slow the harness down, never the patient: it stays as it is.
SLOW = float(os.environ.get("PLATEAU_TEST_SLOW", "1"))
PLATEAU = os.path.join(ROOT, "build", FLAVOUR, "plateau")
LEAKY = os.path.join(ROOT, "build", "leaky")
VENV = os.path.join(ROOT, "build", "venv", "bin")
MEMRAY = os.path.join(ROOT, "build", "memray", "bin")  # python has memray


def until(claim, timeout_s, what):
    """Asks until `claim()` is true; gives its value."""
    deadline = time.monotonic() + timeout_s * SLOW
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %g s: %s" % (timeout_s, what))
        time.sleep(0.02)


def alive(pid):
    """A live process; a zombie has ended."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            return f.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def pids_with(word):
    """Live processes whose command line holds `word`, ours excepted."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as f:
                if word.encode() in f.read() and alive(int(entry)):
                    found.append(int(entry))
        except OSError:
            continue
    return found


def memory_of(pid, field="VmRSS"):
    """A field of /proc/PID/status, in bytes."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no %s for process %d" % (field, pid))


def free_port():
    """A loopback port nobody listens on now.

    Not one that the kernel hands out: between our asking and the service's
    listening, any client on the machine might get it.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range",
              encoding="ascii") as f:
        first = int(f.read().split()[0])
    for _ in range(100):
        with socket.socket() as s:
            port = random.randrange(10000, first) if first > 12000 else 0
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return s.getsockname()[1]
    raise AssertionError("no free port")


class Service:
    """A child process in a group of its own."""

    def __init__(self, argv, cwd=ROOT, env=None):
        self.argv = argv
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.pid = self.process.pid
        self.said = b""

    def wait_line(self, pattern, timeout_s=10):
        """Reads output until a line matches; gives the match."""
        deadline = time.monotonic() + timeout_s * SLOW
        fd = self.process.stdout.fileno()
        while True:
            match = re.search(pattern.encode(), self.said)
            if match:
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise AssertionError("%s did not say %s but %r" %
                                     (self.argv[0], pattern, self.said))
            part = os.read(fd, 65536)
            if not part:
                raise AssertionError("%s ended: %r" % (self.argv[0],
                                                       self.said))
            self.said += part

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.process.wait(timeout=5)
        self.process.stdout.close()


class Outcome:
    """One run of the program: status, output, and the run directory."""

    def __init__(self, status, out, err, directory):
        self.status, self.out, self.err = status, out, err
        self.directory = directory

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def text(self, *names):
        with open(self.path(*names), encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def verdict(self):
        return json.loads(self.text("verdict.json"))

    def metric(self, name):
        for m in self.verdict()["metrics"]:
            if m["name"] == name:
                return m
        raise AssertionError("no metric %s in verdict.json" % name)

    def rows(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as f:
            return list(csv.DictReader(f))

    def told(self):
        """All of it, for a failing assertion's message."""
        return "exit status %s\n--- stdout\n%s\n--- stderr\n%s" % (
            self.status, self.out, self.err)


class Case(unittest.TestCase):
    """A folder of its own, and everything started is stopped."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="plateau-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        return path

    def service(self, argv, **more):
        s = Service(argv, **more)
        self.addCleanup(s.stop)
        return s

    def leaky(self, *options):
        """Starts the patient; its `url` and `port` are those it chose."""
        s = self.service([LEAKY, "--port", "0"] + list(options))
        match = s.wait_line(r"listening on 127\.0\.0\.1:(\d+)")
        s.port = int(match.group(1))
        s.url = "http://127.0.0.1:%d" % s.port
        return s

    def plateau(self, *arguments, timeout=100, env=None, cwd=None,
                stdin=subprocess.DEVNULL, limits=None, started=None,
                program=PLATEAU):
        """Runs the program to its end. Runs are kept in this test's folder
        unless the arguments say otherwise. `limits`: (what, soft, hard) of
        resource.setrlimit; `started` is called with its pid."""
        self.assertTrue(os.path.exists(program), "not built: " + program)
        arguments = [str(a) for a in arguments]
        if "--out" in arguments:
            out = arguments[arguments.index("--out") + 1]
        else:
            self.runs = getattr(self, "runs", 0) + 1
            out = os.path.join(self.folder, "run-%d" % self.runs)
            if arguments and arguments[0] in ("run", "observe", "demo"):
                arguments[1:1] = ["--out", out]
        began = time.monotonic()
        child = subprocess.Popen(
            [program] + arguments, cwd=cwd or self.folder, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, **(env or {})),
            preexec_fn=limits and (lambda: resource.setrlimit(
                limits[0], limits[1:])))
        try:
            if started:
                started(child.pid)
            said, err = child.communicate(timeout=timeout * SLOW)
        except subprocess.TimeoutExpired:
            child.terminate()
            try:
                said, err = child.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                said, err = child.communicate()
            raise AssertionError("plateau %s ran longer than %g s\n%s\n%s" % (
                " ".join(arguments), timeout * SLOW, said.decode(
                    errors="replace"), err.decode(errors="replace"))) from None
        result = Outcome(child.returncode, said.decode(errors="replace"),
                         err.decode(errors="replace"), out)
        result.took_s = time.monotonic() - began
        return result

    def expect_status(self, result, status):
        self.assertEqual(result.status, status, result.told())


class ScenarioCase(Case):
    """Runs scenarios against the patient, started by the program itself."""

    LOAD = {"rate": "2000/s", "connections": "8", "warmup": "1s",
            "blocks": "8", "block": "1000 requests", "settle": "200ms",
            "max_time": "60s"}
    STOP = "auto"

    def scenario(self, leaky=(), requests=None, load=None, more="",
                 target="", name="test", command=None):
        """Writes a scenario; gives its path. `requests` maps a name to the
        lines of its section; `load` adds to LOAD (None removes a key).
        STOP is [verdict] stop: "end" where a test counts what was sent."""
        self.port = free_port()
        load = dict(self.LOAD, **(load or {}))
        requests = requests or {"ok": "path = /ok\nweight = 1"}
        if command is None:
            command = " ".join([LEAKY, "--port", str(self.port)] +
                               list(leaky))
        lines = ["[scenario]", "name = " + name, "[target]",
                 "url = http://127.0.0.1:%d" % self.port]
        if command:
            lines += ["command = " + command,
                      "ready = GET /health within 10s"]
        lines += [target, "[load]"]
        lines += ["%s = %s" % (k, v) for k, v in load.items()
                  if v is not None]
        for request, text in requests.items():
            lines += ["[request %s]" % request, text]
        lines += ["[sample]", "every = 100ms", more]
        if "[verdict]" not in more:
            lines += ["[verdict]"]
        lines += ["stop = " + self.STOP]
        return self.write("scenario.ini", "\n".join(lines) + "\n")

    def leak_of(self, result, kind, metric=None):
        """Growth laid at one kind of request, by the first (or that)
        metric that names it."""
        for b in result.verdict()["blames"]:
            if b["kind"] == kind and b["named"] and \
                    metric in (None, b["metric"]):
                return b["slope"]
        raise AssertionError("nothing is laid at %s\n%s" % (kind,
                                                            result.told()))


def ask(port, path, method="GET", body=None, headers=None):
    """One request on a connection of its own: (status, headers, body)."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * SLOW)
    try:
        c.request(method, path, body=body, headers=headers or {})
        r = c.getresponse()
        return r.status, dict(r.getheaders()), r.read()
    finally:
        c.close()


class Client:
    """Many requests on one connection, for driving the patient by hand."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=10 * SLOW)

    def ask(self, path, times=1, method="GET", body=None):
        status = None
        for _ in range(times):
            self.connection.request(method, path, body=body)
            r = self.connection.getresponse()
            self.last = r.read()
            status = r.status
        return status

    def stats(self):
        self.ask("/stats")
        return json.loads(self.last)

    def close(self):
        self.connection.close()
