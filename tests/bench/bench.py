#!/usr/bin/env python3
"""What a request costs: this load generator beside the others.

Every table comes from rounds in which the tools take turns against the same
server; a figure is the median over the rounds. Servers run on the last core,
generators on the first. Ratios hold from machine to machine, absolute figures
do not. Writes tests/bench/RESULTS.md and prints the same.

  bench.py --build DIR [--rounds N] [--seconds S] [--only TABLE,...] [--long]

Installs missing tools with apt-get when root; a tool that is not there is
left out of the tables by name. Standard library only.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client", "hey": "hey",
            "ab": "apache2-utils", "nginx": "nginx-light",
            "openssl": "openssl"}
CONNS = 64
BODY = "0123456789abcdef" * 8


def install():
    """Gets what is missing; says what stays missing."""
    missing = [t for t in PACKAGES if not find(t)]
    if missing and os.geteuid() == 0:
        print("bench: installing " + " ".join(missing), file=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-q",
                        "--no-install-recommends"]
                       + [PACKAGES[t] for t in missing],
                       stdout=subprocess.DEVNULL, check=False)
    return [t for t in PACKAGES if not find(t)]


def find(tool):
    return shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")


class Server:
    """nginx: plain, TLS, HTTP/2 in clear and over TLS; on one core."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {}
        www = os.path.join(folder, "www")
        os.mkdir(www)
        with open(os.path.join(www, "big"), "wb") as f:
            f.write(b"x" * (1 << 20))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers = ""
        for name, words in (("plain", ""), ("tls", "ssl"),
                            ("h2c", "http2"), ("h2", "ssl http2")):
            self.ports[name] = free_port()
            servers += """
  server {
    listen 127.0.0.1:%d %s backlog=4096;
    location / { return 200 "%s\\n"; }
    location /json { return 200 '{"id": "7f3a", "items": [1, 2, 3]}'; }
    location = /big { root %s; }
  }""" % (self.ports[name], words, BODY, www)
        conf = """worker_processes 1; daemon off; pid %(f)s/pid;
error_log %(f)s/error.log;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600;
  sendfile on; ssl_certificate %(f)s/cert.pem;
  ssl_certificate_key %(f)s/key.pem;
  client_body_temp_path %(f)s/b; proxy_temp_path %(f)s/p;
  fastcgi_temp_path %(f)s/c; uwsgi_temp_path %(f)s/u; scgi_temp_path %(f)s/s;
%(servers)s
}""" % {"f": folder, "servers": servers}
        with open(os.path.join(folder, "nginx.conf"), "w") as f:
            f.write(conf)
        self.proc = subprocess.Popen(
            on_server_core([find("nginx"), "-c", folder + "/nginx.conf"]),
            stderr=subprocess.DEVNULL)
        for _ in range(100):
            if subprocess.run(["curl", "-s", "-o", "/dev/null",
                               self.url("plain")], check=False) \
                    .returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit("bench: nginx does not start, see " + folder)

    def url(self, name, path="/p"):
        scheme = "https" if name in ("tls", "h2") else "http"
        return "%s://127.0.0.1:%d%s" % (scheme, self.ports[name], path)

    def stop(self):
        self.proc.terminate()
        self.proc.wait()


class Comb:
    """tests/bench/comb.c: knows when each request arrived."""

    def __init__(self, build, at_s=0, ms=0):
        self.proc = subprocess.Popen(
            on_server_core([os.path.join(build, "comb"), str(at_s), str(ms)]),
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.proc.stdout.readline())
        self.url = "http://127.0.0.1:%d/p" % self.port

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        out = self.proc.communicate(timeout=30)[0]
        return {k: float(v) for k, v in
                (line.split() for line in out.splitlines())}


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CORES = sorted(os.sched_getaffinity(0))


def on_server_core(argv):
    return ["taskset", "-c", str(CORES[-1])] + argv if len(CORES) > 1 else argv


def on_client_core(argv):
    return ["taskset", "-c", str(CORES[0])] + argv if len(CORES) > 1 else argv


def run(argv, env=None):
    """Runs a generator; (CPU seconds, peak RSS in kB, output)."""
    out = tempfile.TemporaryFile("w+")
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


def peak_kb(pid):
    """VmHWM: ru_maxrss would count what was there before the exec."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(number(r"^VmHWM:\s+(\d+)", f.read()))
    except (OSError, ValueError):
        return 0


def number(pattern, text, unit=1.0):
    found = re.search(pattern, text, re.M)
    return float(found.group(1)) * unit if found else float("nan")


def scenario(folder, url, load, requests=None, tls=False):
    """Writes a scenario file for load_bench."""
    base, path = re.match(r"(https?://[^/]*)(.*)", url).groups()
    path_ini = os.path.join(folder, "scenario-%d.ini" % scenario.count)
    scenario.count += 1
    with open(path_ini, "w") as f:
        f.write("[scenario]\nname = bench\n[target]\nurl = %s\n" % base)
        if tls:
            f.write("tls_ca = %s/cert.pem\n" % folder)
        f.write("[load]\nwarmup = 0s\n%s\n" % load)
        f.write(requests or "[request p]\npath = %s\n" % path)
    return path_ini


scenario.count = 0


class Tool:
    """One generator in one table: how to run it, how to count requests."""

    def __init__(self, name, argv, count):
        self.name, self.argv, self.count = name, argv, count
        self.cpu, self.rps, self.rss, self.allocs = [], [], [], None

    def round(self, seconds):
        t0 = time.monotonic()
        cpu, rss, text = run(self.argv)
        n = self.count(text)
        if not n > 0:
            print("bench: %s failed:\n%s" % (self.name, text[-800:]),
                  file=sys.stderr)
            n = float("nan")
        self.cpu.append(cpu / n * 1e6)
        self.rps.append(n / seconds if seconds else
                        n / (time.monotonic() - t0))
        self.rss.append(rss / 1024)

    def count_allocations(self, preload):
        env = dict(os.environ, LD_PRELOAD=preload)
        _, _, text = run(self.argv, env)
        n = self.count(text)
        # taskset execs: the last report is the generator's.
        found = re.findall(r"^allocations (\d+)", text, re.M)
        if found and n > 0:
            self.allocs = float(found[-1]) / n


def ours(build, name, ini, seconds, extra=()):
    return Tool(name, [os.path.join(build, "load_bench"), ini, str(seconds)]
                + list(extra), lambda t: number(r"^requests (\d+)", t))


def wrk(url, seconds, name="wrk"):
    return Tool(name, ["wrk", "-c%d" % CONNS, "-t1", "-d%ds" % seconds, url],
                lambda t: number(r"(\d+) requests in", t))


def h2load(url, seconds, args, name="h2load"):
    return Tool(name, ["h2load", "-D%d" % seconds, "--warm-up-time=0"]
                + args + [url],
                lambda t: number(r"(\d+) succeeded", t))


def hey(url, seconds):
    return Tool("hey", ["hey", "-c", str(CONNS), "-n", "1000000000", "-z",
                        "%ds" % seconds, url],
                lambda t: number(r"\[200\]\s+(\d+) responses", t))


def ab(url, seconds):
    return Tool("ab", ["ab", "-k", "-q", "-c", str(CONNS), "-n", "100000000",
                       "-t", str(seconds), url],
                lambda t: number(r"Complete requests:\s+(\d+)", t))


class Report:
    """Markdown, on the terminal and in RESULTS.md."""

    def __init__(self):
        self.lines = []

    def say(self, *lines):
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def table(self, head, rows):
        self.say("", "| " + " | ".join(head) + " |",
                 "|" + "|".join("---" for _ in head) + "|")
        for row in rows:
            self.say("| " + " | ".join(row) + " |")

    def verdict(self, what, value, limit, form="%.2f"):
        self.say("", ("%s: " + form + ", asked for at most " + form + ": %s")
                 % (what, value, limit,
                    "met" if value <= limit else "**missed**"))


def compare(report, title, tools, base, args, limits, unit="us/request",
            preload=None, scale=1.0):
    """Interleaved rounds, then a table relative to the tool called `base`."""
    for _ in range(args.rounds):
        for t in tools:
            t.round(args.seconds)
    for t in tools:
        if preload:
            t.count_allocations(preload)
    med = {t.name: statistics.median(t.cpu) for t in tools}
    rows = []
    for t in tools:
        # Ratios within a round: what disturbed one disturbed its neighbour.
        of = next(x for x in tools if x.name == base)
        ratio = statistics.median(a / b for a, b in zip(t.cpu, of.cpu))
        t.ratio = ratio
        rows.append([t.name, "%.2f" % (med[t.name] * scale), "%.2f" % ratio,
                     "%.0f" % statistics.median(t.rps),
                     "%.1f" % statistics.median(t.rss),
                     "-" if t.allocs is None else "%.3f" % t.allocs])
    report.say("", "## " + title)
    report.table(["generator", "CPU " + unit, "x " + base, "requests/s",
                  "peak RSS MiB", "allocations/request"], rows)
    for name, limit in limits:
        t = next(x for x in tools if x.name == name)
        report.verdict("%s against %s" % (name, base), t.ratio, limit)


CLOSED = "users = %d\nconnections = %d\n" % (CONNS, CONNS)

REAL = """[request browse]
path = /products/{{int 1 500}}
weight = 8
[request search]
path = /search?q={{rand 8}}&page={{int 1 9}}
weight = 4
[request cart]
path = /json/cart/{{seq}}
header = Cookie: session={{uuid}}
capture.id = json /id
weight = 2
[request order]
method = POST
path = /json/orders
header = Content-Type: application/json
body = {"sku": "{{choice a b c d}}", "ref": "{{uuid}}"}
expect = 200
weight = 1
[request stock]
path = /stock
expect = 200 body contains 0123456789
weight = 1
"""


def table_plain(r, s, a, pre):
    u = s.url("plain")
    ini = scenario(a.folder, u, CLOSED)
    tools = [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, ["load.engine=h1"]),
             ours(a.build, "plateau curl", ini, a.seconds,
                  ["load.engine=curl"])]
    if find("h2load"):
        tools.append(h2load(u, a.seconds, ["--h1", "-c%d" % CONNS]))
    if find("hey"):
        tools.append(hey(u, a.seconds))
    if find("ab"):
        tools.append(ab(u, a.seconds))
    compare(r, "HTTP/1.1 in clear, %d connections, 128-byte answers" % CONNS,
            tools, "wrk", a, [("plateau h1", 0.90), ("plateau curl", 2.3)],
            preload=pre)
    rss = statistics.median(tools[1].rss)
    r.verdict("RSS of plateau h1 with 64 connections, MiB", rss, 12.0,
              "%.1f")


def table_real(r, s, a, pre):
    u = s.url("plain")
    ini = scenario(a.folder, u, CLOSED, REAL)
    compare(r, "A real scenario: 5 kinds, templates, a capture, checks",
            [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, ["load.engine=h1"])],
            "wrk", a, [("plateau h1", 1.15)], preload=pre)


def table_tls(r, s, a, pre):
    u = s.url("tls")
    ini = scenario(a.folder, u, CLOSED, tls=True)
    compare(r, "HTTP/1.1 over TLS, %d connections" % CONNS,
            [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, ["load.engine=h1"]),
             ours(a.build, "plateau curl", ini, a.seconds,
                  ["load.engine=curl", "load.http=1.1"])],
            "wrk", a, [("plateau h1", 1.05)], preload=pre)


def table_h2(r, s, a, pre):
    for name, title in (("h2c", "in clear"), ("h2", "over TLS")):
        u = s.url(name)
        ini = scenario(a.folder, u, "users = 64\nconnections = 4\nhttp = 2\n",
                       tls=name == "h2")
        tools = [h2load(u, a.seconds, ["-c4", "-m16"]),
                 ours(a.build, "plateau h2", ini, a.seconds,
                      ["load.engine=h2"])]
        if name == "h2":
            tools.append(ours(a.build, "plateau curl", ini, a.seconds,
                              ["load.engine=curl"]))
        compare(r, "HTTP/2 %s, 4 connections, 16 streams each" % title, tools,
                "h2load", a, [("plateau h2", 1.0)], preload=pre)


def table_big(r, s, a, _):
    u = s.url("plain", "/big")
    ini = scenario(a.folder, u, CLOSED)
    compare(r, "1 MiB answers, %d connections" % CONNS,
            [wrk(u, a.seconds),
             ours(a.build, "plateau h1", ini, a.seconds, ["load.engine=h1"]),
             ours(a.build, "plateau curl", ini, a.seconds,
                  ["load.engine=curl"])],
            "wrk", a, [("plateau h1", 0.35)], unit="us/MiB")


def rate_tools(a, url, rate, seconds, spin=True):
    """(name, argv, what it reports as p99 in ms) at a constant rate.

    The first is no generator: a bare timer loop, the machine's own floor."""
    ini = scenario(a.folder, url, "rate = %d/s\nconnections = 64\n" % rate)
    exe = os.path.join(a.build, "load_bench")

    def p99_us(t):
        return number(r"^response_p99_us ([\d.]+)", t, 1e-3)
    tools = [("a bare timer loop",
              [os.path.join(a.build, "floor"), str(rate), str(seconds)],
              None)] if spin else []
    tools += [("plateau h1", [exe, ini, str(seconds), "load.engine=h1"],
              p99_us)]
    if spin:
        tools.append(("plateau h1, spin 60 us",
                      [exe, ini, str(seconds), "load.engine=h1",
                       "load.spin=60us"], p99_us))
    tools.append(("plateau curl", [exe, ini, str(seconds),
                                   "load.engine=curl"], p99_us))
    if find("hey"):
        tools.append(("hey", ["hey", "-c", "50", "-q", str(rate / 50), "-z",
                              "%ds" % seconds, url],
                      lambda t: number(r"99% in ([\d.]+) secs", t, 1e3)))
    if find("h2load"):
        tools.append(("h2load", ["h2load", "--h1", "-c50", "--rps",
                                 str(rate / 50), "-D%d" % seconds,
                                 "--warm-up-time=0", url], None))
    return tools


def table_rate(r, _, a, __):
    for rate in (2000, 5000):
        rows, late = [], {}
        got = {}
        for _ in range(a.rounds):
            comb = None
            names = []
            for i in range(10):
                comb = Comb(a.build)
                tools = rate_tools(a, comb.url, rate, a.seconds)
                if i >= len(tools):
                    comb.stop()
                    break
                name, argv, _p99 = tools[i]
                names.append(name)
                cpu, _rss, text = run(argv)
                seen = comb.stop()
                g = got.setdefault(name, {})
                for key, value in (
                        ("rate", seen.get("rate", float("nan"))),
                        ("gap99", seen.get("gap_p99_us", float("nan"))),
                        ("cpu", cpu / a.seconds * 100),
                        ("late50", number(r"^lateness_p50_us ([\d.]+)", text)),
                        ("late99",
                         number(r"^lateness_p99_us ([\d.]+)", text))):
                    g.setdefault(key, []).append(value)
        for name, g in got.items():
            m = {k: statistics.median(v) for k, v in g.items()}
            late[name] = m
            rows.append([name,
                         "-" if m["rate"] != m["rate"] else
                         "%.1f" % m["rate"],
                         "-" if m["gap99"] != m["gap99"] else
                         "%.0f" % m["gap99"],
                         "-" if m["late50"] != m["late50"] else
                         "%.0f" % m["late50"],
                         "-" if m["late99"] != m["late99"] else
                         "%.0f" % m["late99"], "%.0f %%" % m["cpu"]])
        r.say("", "## Constant rate, %d/s" % rate)
        r.table(["generator", "arrivals/s", "gap off the comb p99, us",
                 "lateness p50, us", "lateness p99, us", "CPU"], rows)
        m = late["plateau h1"]
        r.verdict("rate off by, share", abs(m["rate"] / rate - 1), 0.001,
                  "%.5f")
        if rate == 5000:
            r.verdict("p99 lateness at 5,000/s, ms", m["late99"] * 1e-3, 0.15)
            floor = late["a bare timer loop"]["late99"] * 1e-3
            if floor > 0.1:
                r.say("", "The core was not idle: a bare timer loop had "
                      "%.2f ms itself." % floor)


def table_freeze(r, _, a, __):
    rate, seconds, freeze_ms = 2000, 5, 500
    n = rate * seconds
    truth = freeze_ms * (1 - 0.01 * n / (rate * freeze_ms / 1000.0))
    got = {}
    for _ in range(a.rounds):
        for i in range(10):
            comb = Comb(a.build, 2, freeze_ms)
            tools = rate_tools(a, comb.url, rate, seconds, spin=False)
            if i >= len(tools):
                comb.stop()
                break
            name, argv, p99 = tools[i]
            _cpu, _rss, text = run(argv)
            comb.stop()
            if p99:
                got.setdefault(name, []).append(p99(text))
    r.say("", "## A server that stands still for %d ms, %d/s for %d s"
          % (freeze_ms, rate, seconds),
          "", "The p99 of the time from when a request was due is %.0f ms."
          % truth)
    r.table(["generator", "p99 it reports, ms"],
            [[k, "%.0f" % statistics.median(v)] for k, v in got.items()])
    off = abs(statistics.median(got["plateau h1"]) / truth - 1)
    r.verdict("plateau h1 off the truth, share", off, 0.05, "%.3f")


def table_long(r, s, a, _):
    ini = scenario(a.folder, s.url("plain"), CLOSED)
    exe = os.path.join(a.build, "load_bench")
    rows = []
    for n in (100000, 10000000):
        _cpu, rss, text = run([exe, ini, str(-n), "load.engine=h1"])
        rows.append(["%d" % n, "%.1f" % (rss / 1024),
                     "%.0f" % number(r"^errors (\d+)", text)])
    r.say("", "## Memory does not grow with requests")
    r.table(["requests", "peak RSS MiB", "errors"], rows)


TABLES = {"plain": table_plain, "real": table_real, "tls": table_tls,
          "h2": table_h2, "big": table_big, "rate": table_rate,
          "freeze": table_freeze, "long": table_long}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=4)
    p.add_argument("--only", default=",".join(t for t in TABLES
                                              if t != "long"))
    p.add_argument("--long", action="store_true",
                   help="also ten million requests")
    p.add_argument("--out", default=os.path.join(HERE, "RESULTS.md"))
    args = p.parse_args()
    missing = install()
    if "nginx" in missing or "wrk" in missing or "openssl" in missing:
        raise SystemExit("bench: needs " + ", ".join(missing)
                         + " (run as root to have them installed)")
    report = Report()
    report.say("# Load benches", "",
               "Written by `make bench`; medians of %d interleaved rounds of "
               "%d s. Servers on one core, generators on another; %d cores, "
               "load average %.1f at the start."
               % (args.rounds, args.seconds, len(CORES), os.getloadavg()[0]),
               "Ratios are medians of ratios within a round.")
    if missing:
        report.say("", "Not there, and left out: " + ", ".join(missing))
    preload = os.path.join(args.build, "count_alloc.so")
    with tempfile.TemporaryDirectory(prefix="plateau-bench-") as folder:
        args.folder = folder
        os.chmod(folder, 0o755)
        server = Server(folder)
        try:
            names = args.only.split(",") + (["long"] if args.long else [])
            for name in names:
                TABLES[name](report, server, args, preload)
        finally:
            server.stop()
    with open(args.out + ".tmp", "w") as f:
        f.write("\n".join(report.lines) + "\n")
    os.rename(args.out + ".tmp", args.out)


if __name__ == "__main__":
    main()
