"""Load generators: how each is run, and what its output says."""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from servers import find, on_client_core

CONNS = 64
CALM = 0.1  # of one core: what others may use in a calm round
CLOSED = "users = %d\nconnections = %d\n" % (CONNS, CONNS)


def peak_kb(pid):
    """VmHWM: ru_maxrss would count what was there before the exec."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(number(r"^VmHWM:\s+(\d+)", f.read()))
    except (OSError, ValueError):
        return 0


def run(argv, env=None):
    """Runs a generator; (CPU seconds, peak RSS in kB, output)."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(on_client_core(argv), stdout=out,
                                 stderr=subprocess.STDOUT, env=env)
        rss, pid = 0, 0
        while pid == 0:
            time.sleep(0.1)
            rss = max(rss, peak_kb(child.pid))
            pid, status, use = os.wait4(child.pid, os.WNOHANG)
        child.returncode = status
        out.seek(0)
        return use.ru_utime + use.ru_stime, rss, out.read()


def number(pattern, text, unit=1.0):
    found = re.search(pattern, text, re.M)
    return float(found.group(1)) * unit if found else float("nan")


def foreign_s(server):
    """CPU seconds that neither we nor the server used, since boot."""
    with open("/proc/stat") as f:
        cpu = [int(x) for x in f.readline().split()[1:9]]
    busy = (sum(cpu) - cpu[3] - cpu[4]) / os.sysconf("SC_CLK_TCK")
    ours_s = sum(resource.getrusage(who).ru_utime
                 + resource.getrusage(who).ru_stime
                 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return busy - ours_s - server.cpu_s()


def calm_rounds(a, tools):
    """Lets the tools take turns until there are as many rounds as asked for
    in which others used little of the machine, at most twice as many; keeps
    the calmest. (How many were run, how much others used in those kept.)"""
    noise = []
    while (sum(n <= CALM for n in noise) < a.rounds
           and len(noise) < 2 * a.rounds):
        before, started = foreign_s(a.server), time.monotonic()
        for t in tools:
            t.round()
        noise.append((foreign_s(a.server) - before)
                     / (time.monotonic() - started))
    kept = sorted(range(len(noise)), key=lambda i: noise[i])[:a.rounds]
    for t in tools:
        t.keep(kept)
    return len(noise), max(noise[i] for i in kept)


class Scenarios:
    """Writes scenario files for load_bench."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def write(self, url, load, requests=None):
        base, path = re.match(r"(https?://[^/]*)(.*)", url).groups()
        name = os.path.join(self.folder, "scenario-%d.ini" % self.count)
        self.count += 1
        with open(name, "w") as f:
            f.write("[scenario]\nname = bench\n[target]\nurl = %s\n" % base)
            if url.startswith("https"):
                f.write("tls_ca = %s/cert.pem\n" % self.folder)
            f.write("[load]\nwarmup = 0s\n%s\n" % load)
            f.write(requests or "[request p]\npath = %s\n" % path)
        return name


class Tool:
    """One generator in one table: how to run it, how to count requests."""

    def __init__(self, name, argv, count, seconds):
        self.name, self.argv, self.count = name, argv, count
        self.seconds = seconds
        self.cpu, self.rps, self.rss, self.allocs = [], [], [], None
        self.text = ""

    def round(self):
        cpu, rss, text = run(self.argv)
        n = self.count(text)
        self.text = text
        if not n > 0:
            print("bench: %s failed:\n%s" % (self.name, text[-800:]),
                  file=sys.stderr)
            n = float("nan")
        self.cpu.append(cpu / n * 1e6)
        self.rps.append(n / self.seconds)
        self.rss.append(rss / 1024)

    def count_allocations(self, preload):
        """Per request over the whole life, and for ours between a warm start
        and the stop: (number, requests, {who: number})."""
        env = dict(os.environ, LD_PRELOAD=preload)
        _, _, text = run(self.argv, env)
        n = self.count(text)
        # taskset execs: the last report is the generator's.
        found = re.findall(r"^allocations (\d+)", text, re.M)
        if found and n > 0:
            self.allocs = float(found[-1]) / n
        who = {name.split(".so")[0]: int(k) for name, k in
               re.findall(r"^allocated_by (\S+) (\d+)", text, re.M)}
        return (number(r"^counted_allocations (\d+)", text),
                number(r"^counted_requests (\d+)", text), who)

    def keep(self, rounds):
        for what in ("cpu", "rps", "rss"):
            all_of_them = getattr(self, what)
            setattr(self, what, [all_of_them[i] for i in rounds])

    def median(self, what):
        return statistics.median(getattr(self, what))

    def ratio(self, base):
        """Within a round: what disturbed one disturbed its neighbour."""
        return statistics.median(a / b for a, b in zip(self.cpu, base.cpu))


def ours(build, name, ini, seconds, *sets):
    return Tool(name, [os.path.join(build, "load_bench"), ini, str(seconds)]
                + list(sets), lambda t: number(r"^requests (\d+)", t),
                seconds)


def wrk(url, seconds, conns=CONNS):
    return Tool("wrk", ["wrk", "-c%d" % conns, "-t1", "-d%ds" % seconds, url],
                lambda t: number(r"(\d+) requests in", t), seconds)


def h2load(url, seconds, *args):
    return Tool("h2load", ["h2load", "-D%d" % seconds, "--warm-up-time=0"]
                + list(args) + [url],
                lambda t: number(r"(\d+) succeeded", t), seconds)


def hey(url, seconds):
    return Tool("hey", ["hey", "-c", str(CONNS), "-n", "1000000000", "-z",
                        "%ds" % seconds, url],
                lambda t: number(r"\[200\]\s+(\d+) responses", t), seconds)


def ab(url, seconds):
    return Tool("ab", ["ab", "-k", "-q", "-c", str(CONNS), "-n", "100000000",
                       "-t", str(seconds), url],
                lambda t: number(r"Complete requests:\s+(\d+)", t), seconds)


def those_present(*tools):
    """Ours always; others when installed."""
    return [t for t in tools if t.name.startswith("plateau") or find(t.name)]
