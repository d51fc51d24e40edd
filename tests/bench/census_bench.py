#!/usr/bin/env python3
"""What a census of a live CPython costs, and what the target feels of it.

    make && tests/bench/census_bench.py [PYTHON]

A target holds about one million objects and answers a loop of small requests.
The same loop is timed four times: left alone; with a census from outside twice
a second; with the frozen walk of --freeze as often; with a histogram made
inside by gc.get_objects() as often. Prints one table: milliseconds of CPU and
bytes copied per census, the pause it imposes, and the request's time at the
median, the 99th percentile and the worst.
"""

import glob
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
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
    cpu = r.get("cpu", 0) * 1e3
    print("%-26s %8.1f %11s %8.1f %9.1f   %8.3f %8.3f %9.2f" % (
        name, cpu, "%.0f" % (cpu / counted * 1e6) if counted else "",
        r.get("bytes", 0) / 1e6, pause, r["p50"] * 1e3, r["p99"] * 1e3,
        r["worst"] * 1e3))


def main():
    python = sys.argv[1] if len(sys.argv) > 1 else default_python()
    bench = Bench(python)
    version = subprocess.run([python, "--version"], stdout=subprocess.PIPE,
                             universal_newlines=True).stdout.strip()
    bench.window(); alone = bench.result()
    outside = bench.watched()
    frozen = bench.watched("--freeze")
    bench.window(EVERY); inside = bench.result()
    bench.window(); again = bench.result()
    bench.target.stdin.close()
    bench.target.wait()
    print("%s, %d tracked objects, %d blocks, %d objects in all" % (
        version, bench.size["tracked"], bench.size["blocks"],
        mean(outside["objects"])))
    print("%-26s %8s %11s %8s %9s   %8s %8s %9s" % (
        "", "CPU ms", "per million", "MB read", "pause ms", "p50 ms",
        "p99 ms", "worst ms"))
    row("left alone", alone, 0)
    row("census from outside", outside, outside["pause"],
        mean(outside["objects"]))
    row("frozen walk", frozen, frozen["pause"], bench.size["tracked"])
    row("gc.get_objects() inside", inside, inside["cpu"] * 1e3,
        bench.size["tracked"])
    row("left alone, again", again, 0)
    print("aim: 150 ms of CPU per million objects on 3.12")
    worst = max(abs(n - bench.size["tracked"]) for n in outside["tracked"])
    print("tracked, against gc.get_objects(): at most %.3f %% off" %
          (100.0 * worst / bench.size["tracked"]))


if __name__ == "__main__":
    main()
