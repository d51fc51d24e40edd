#!/usr/bin/env python3
"""What the idle agent costs a service: the same Flask service under gunicorn
with it and without it, side by side.

    make check T=nothing; tests/bench/agent_bench.py [--pairs N] [--write]

Both are up all the time. Bursts of the same requests go to one and to the
other in turn, the order changing from pair to pair, so that what the machine
does besides falls on both. Prints requests per second and the processes' CPU
time per request of each, and the median ratio over the pairs with a 95 %
interval (sign test). --write puts the table into tests/bench/AGENT.md.
"""

import argparse
import os
import shutil
import socket
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

import support  # noqa: E402

AGENT = os.path.join(ROOT, "harness", "sampler", "agent", "plateau_agent.py")
APPS = os.path.join(ROOT, "tests", "patients", "python")
BURST = 400
TICK = os.sysconf("SC_CLK_TCK")


def start(folder):
    """A service; with the agent when `folder` is its."""
    port = support.free_port()
    env = dict(os.environ, PATIENT_TWIN="fixed")
    if folder:
        env.update(PLATEAU_AGENT_DIR=folder, PYTHONPATH=folder)
    service = support.Service(
        [os.path.join(support.VENV, "gunicorn"), "--workers", "1", "--bind",
         "127.0.0.1:%d" % port, "--log-level", "info", "history_list:app"],
        cwd=APPS, env=env)
    service.wait_line("Booting worker with pid", 40)
    support.until(lambda: not socket.socket().connect_ex(
        ("127.0.0.1", port)), 20, "listening")
    service.port = port
    return service


def cpu_ticks(pid):
    """User and system time of a process and its children that live."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry, "rb") as f:
                words = f.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(entry) == pid or int(words[1]) == pid:
            total += int(words[11]) + int(words[12])
    return total


REQUEST = (b"GET /browse/7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def burst(port):
    for _ in range(BURST):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(REQUEST)
            answer = b""
            while True:
                part = s.recv(65536)
                if not part:
                    break
                answer += part
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit("unexpected answer: %r" % answer[:200])


def interval(values):
    """The median's 95 % interval by the sign test: order statistics."""
    values = sorted(values)
    n = len(values)
    k = max(0, int(n / 2 - 1.96 * (n ** 0.5) / 2))
    return values[k], values[n - 1 - k]


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--pairs", type=int, default=40)
    ap.add_argument("--write", action="store_true")
    a = ap.parse_args()
    folder = tempfile.mkdtemp(prefix="plateau-bench-")
    shutil.copy(AGENT, os.path.join(folder, "sitecustomize.py"))
    services = {"without": start(None), "with": start(folder)}
    seconds = {name: [] for name in services}
    ticks = dict.fromkeys(services, 0)
    try:
        if not [f for f in os.listdir(folder) if f.endswith(".sock")]:
            raise SystemExit("no agent came up")
        for s in services.values():
            burst(s.port)
        for i in range(a.pairs):
            order = list(services)[::1 if i % 2 else -1]
            for name in order:
                s = services[name]
                cpu, began = cpu_ticks(s.pid), time.perf_counter()
                burst(s.port)
                seconds[name].append(time.perf_counter() - began)
                ticks[name] += cpu_ticks(s.pid) - cpu
    finally:
        for s in services.values():
            s.stop()
        shutil.rmtree(folder, ignore_errors=True)
    ratios = [b / w for b, w in zip(seconds["without"], seconds["with"])]
    low, high = interval(ratios)
    lines = ["| agent | requests/s (median burst) | CPU per request |",
             "| --- | --- | --- |"]
    for name in services:
        lines.append("| %s | %.0f | %.0f us |" % (
            name, BURST / statistics.median(seconds[name]),
            ticks[name] / TICK * 1e6 / (a.pairs * BURST)))
    lines.append("")
    lines.append("Throughput with the idle agent: %.2f %% of that without "
                 "(median of %d pairs; 95 %%: %.2f .. %.2f %%)." % (
                     100 * statistics.median(ratios), a.pairs, 100 * low,
                     100 * high))
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if a.write:
        with open(os.path.join(HERE, "AGENT.md"), "w", encoding="utf-8") as f:
            f.write("# The idle agent's cost\n\nWritten by "
                    "`tests/bench/agent_bench.py --write`: one Flask service "
                    "under gunicorn\nwith `python = agent`'s agent and one "
                    "without, bursts of %d requests in turn.\n\n%s" % (
                        BURST, text))


if __name__ == "__main__":
    main()
