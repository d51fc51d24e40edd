#!/usr/bin/env python3
"""What a census of a live CPython costs, and what the target feels of it.

    make && tests/bench/census_bench.py [--write] [PYTHON]

A target holds about one million objects and answers a loop of small requests.
The same loop is timed four times: left alone; with a census from outside twice
a second; with the frozen walk of --freeze as often; with a histogram made
inside by gc.get_objects() as often. Prints one table: milliseconds of CPU and
bytes copied per census, the pause it imposes, and the request's time at the
median, the 99th percentile and the worst. --write also puts it into
tests/bench/CENSUS.md; measure on a machine that does nothing else.
"""

import glob
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PLATEAU = os.path.join(ROOT, "build", "plateau")
SECONDS = 8
EVERY = 0.5

TARGET = r"""
import gc, json, os, select, sys, time
class Order(object):
    def __init__(self, n):
        self.id = n % 100
        self.lines = [n]
kept = [Order(i) for i in range(350000)]
kept += [{"id": [i]} for i in range(150000)]
gc.collect()
def request(i):
    return sorted(str(k ^ i) for k in range(60))
def histogram():
    counts = {}
    for o in gc.get_objects():
        t = type(o)
        counts[t] = counts.get(t, 0) + 1
    return counts
def measure(seconds, inside):
    times, costs, i = [], [], 0
    end = time.perf_counter() + seconds
    due = time.perf_counter() + 0.25
    while True:
        t = time.perf_counter()
        if t > end:
            break
        if inside and t > due:
            due += inside
            cpu = time.process_time()
            histogram()
            costs.append(time.process_time() - cpu)
        i += 1
        request(i)
        times.append(time.perf_counter() - t)
    times.sort()
    return {"n": len(times), "p50": times[len(times) // 2],
            "p99": times[len(times) * 99 // 100], "worst": times[-1],
            "cpu": sum(costs) / len(costs) if costs else 0}
print(json.dumps({"tracked": len(gc.get_objects()),
                  "blocks": sys.getallocatedblocks()}), flush=True)
for line in sys.stdin:
    seconds, inside = json.loads(line)
    print(json.dumps(measure(seconds, inside)), flush=True)
"""


def default_python():
    found = glob.glob(os.path.expanduser(
        "~/.pyenv/versions/3.12.*/bin/python3"))
    return found[0] if found else sys.executable


def mean(values):
    return sum(values) / len(values) if values else 0.0


class Bench:
    def __init__(self, python):
        self.target = subprocess.Popen(
            [python, "-c", TARGET], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, universal_newlines=True)
        self.size = json.loads(self.target.stdout.readline())

    def window(self, inside=0):
        self.target.stdin.write(json.dumps([SECONDS, inside]) + "\n")
        self.target.stdin.flush()

    def result(self):
        return json.loads(self.target.stdout.readline())

    def watched(self, *flags):
        """A window with a census every EVERY seconds."""
        watch = subprocess.Popen(
            [PLATEAU, "objects", str(self.target.pid), "--json", "--top", "1",
             "--watch", "%dms" % (EVERY * 1000)] + list(flags),
            stdout=subprocess.PIPE, universal_newlines=True)
        watch.stdout.readline()  # the first one learns the types
        self.window()
        result = self.result()
        watch.terminate()
        lines = [json.loads(s) for s in watch.stdout.read().splitlines()
                 if s.endswith("}")]
        watch.wait()
        watch.stdout.close()
        costs = [line["cost"] for line in lines]
        result["cpu"] = mean([c["cpu_ms"] for c in costs]) / 1e3
        result["bytes"] = mean([c["bytes_copied"] for c in costs])
        result["pause"] = mean([c["pause_ms"] for c in costs])
        result["tracked"] = [line["objects_tracked"] for line in lines]
        result["objects"] = [line["objects_total"] for line in lines]
        return result


def row(name, r, pause, counted=0):
    """The cells of one line of the table."""
    cpu = r.get("cpu", 0) * 1e3
    return [name, "%.1f" % cpu if cpu else "",
            "%.0f" % (cpu / counted * 1e6) if counted else "",
            "%.1f" % (r["bytes"] / 1e6) if r.get("bytes") else "",
            "%.1f" % pause if pause else "0", "%.3f" % (r["p50"] * 1e3),
            "%.3f" % (r["p99"] * 1e3), "%.2f" % (r["worst"] * 1e3)]


HEAD = ["", "CPU ms", "per million", "MB read", "pause ms", "p50 ms",
        "p99 ms", "worst ms"]


def measure(python):
    """All four ways on one target: a title, the rows, and a last line."""
    bench = Bench(python)
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE,
                             universal_newlines=True).stdout.strip()
    bench.window()
    alone = bench.result()
    outside = bench.watched()
    frozen = bench.watched("--freeze")
    bench.window(EVERY)
    inside = bench.result()
    bench.window()
    again = bench.result()
    bench.target.stdin.close()
    bench.target.wait()
    bench.target.stdout.close()
    title = "%s, %d tracked objects, %d blocks, %d objects in all" % (
        version, bench.size["tracked"], bench.size["blocks"],
        mean(outside["objects"]))
    rows = [row("left alone", alone, 0),
            row("census from outside", outside, outside["pause"],
                mean(outside["objects"])),
            row("frozen walk", frozen, frozen["pause"],
                bench.size["tracked"]),
            row("gc.get_objects() inside", inside, inside["cpu"] * 1e3,
                bench.size["tracked"]),
            row("left alone, again", again, 0)]
    worst = max(abs(n - bench.size["tracked"]) for n in outside["tracked"])
    return title, rows, (
        "The census's count of tracked objects was at most %.3f %% from "
        "gc.get_objects()." % (100.0 * worst / bench.size["tracked"]))


def write(parts):
    """The tables as tests/bench/CENSUS.md."""
    lines = ["# What a census costs", "",
             "Written by `tests/bench/census_bench.py --write`. A target with "
             "about a million", "objects answers a loop of small requests, "
             "%g s long, beside a census every" % SECONDS,
             "%g s. CPU and bytes: per census (the histogram inside counts "
             "only what the" % EVERY, "collector tracks). Pause: what one of "
             "them stops the target for.", "",
             "%s, %d CPUs." % (os.uname().release, os.cpu_count())]
    for title, rows, last in parts:
        lines += ["", "## " + title, "", "| " + " | ".join(HEAD) + " |",
                  "|---|" + "--:|" * (len(HEAD) - 1)]
        lines += ["| " + " | ".join(r) + " |" for r in rows]
        lines += ["", last]
    with open(os.path.join(HERE, "CENSUS.md"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def main():
    pythons = [a for a in sys.argv[1:] if a != "--write"]
    parts = []
    for python in pythons or [default_python()]:
        title, rows, last = measure(python)
        parts.append((title, rows, last))
        print(title)
        for r in [HEAD] + rows:
            print("%-26s %8s %11s %8s %9s   %8s %8s %9s" % tuple(r))
        print(last)
    print("aim: 150 ms of CPU per million objects on 3.12")
    if "--write" in sys.argv:
        write(parts)


if __name__ == "__main__":
    main()
