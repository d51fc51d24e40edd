#!/usr/bin/env python3
"""Twenty kinds of request, one to three of which leak: are they found?

usage: kinds.py [--runs N] [--seed FIRST] [--blocks N] [--block REQUESTS]
                [--write] [--resume] [--for S]

Each run starts the bundled server anew and lets one to three of twenty paths
leak 0.05 to 10 objects per request, at random around that rate; Plateau reads
how many live only in all. Prints, or with --write puts into KINDS.md, what was
named, what was not, and whether the intervals held the truth. Exits 1 when
the goals are missed. --resume takes the runs that this build and these flags
made before from build/patients/kinds.json; --for begins none after so many
seconds (then the exit status is 3, and nothing is written to KINDS.md)."""

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build")
KINDS = 20
METRIC = "leaky_live_objects"

SCENARIO = """[scenario]
name = kinds
[target]
url = http://127.0.0.1:{port}
command = {command}
ready = GET /health within 10s
[load]
users = 16
warmup = 4000 requests
blocks = {blocks}
block = {block} requests
settle = 100ms
seed = {seed}
{requests}
[sample]
every = 500ms
sources = process
python = off
http.leaky = http://127.0.0.1:{port}/metrics
only.leaky = {metric}
[verdict]
{metric} = 0.0005/request
stop = end
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def leaks_of(seed):
    """Kind -> objects per request, to the thousandth."""
    chance = random.Random(seed)
    return {k: round(math.exp(chance.uniform(math.log(0.05), math.log(10))), 3)
            for k in chance.sample(range(KINDS), chance.randint(1, 3))}


def run(seed, blocks, block):
    """Kind -> blame of the counter."""
    folder = tempfile.mkdtemp(prefix="plateau-kinds-")
    leaks, port = leaks_of(seed), free_port()
    command = [os.path.join(BUILD, "leaky"), "--port", str(port)]
    for k, rate in leaks.items():
        command += ["--on", "/k/%d=objects:%d" % (k, round(rate * 1000))]
    path = os.path.join(folder, "kinds.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(SCENARIO.format(
            port=port, command=" ".join(command), blocks=blocks, block=block,
            seed=seed, metric=METRIC, requests="\n".join(
                "[request k%d]\npath = /k/%d" % (k, k)
                for k in range(KINDS))))
    try:
        done = subprocess.run(
            [os.path.join(BUILD, "plateau"), "run", path, "--json",
             "--no-diagnose", "--out", os.path.join(folder, "run")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180,
            check=False)
        if done.returncode not in (0, 1, 3):
            raise SystemExit("kinds: exit %d\n%s" % (
                done.returncode, done.stderr.decode(errors="replace")))
        blames = json.loads(done.stdout)["blames"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {b["kind"] or b["per"]: b for b in blames if b["metric"] == METRIC}


class Kept:
    """The runs so far, by seed: of this program, this server, these flags."""

    def __init__(self, a):
        self.path = os.path.join(BUILD, "patients", "kinds.json")
        of = hashlib.sha256(b"%d %d" % (a.blocks, a.block))
        for part in (os.path.join(BUILD, "plateau"),
                     os.path.join(BUILD, "leaky"), os.path.abspath(__file__)):
            with open(part, "rb") as f:
                of.update(f.read())
        self.of, self.runs = of.hexdigest(), {}
        if not a.resume:
            return
        try:
            with open(self.path, encoding="utf-8") as f:
                kept = json.load(f)
            if kept["of"] == self.of:
                self.runs = kept["runs"]
        except (OSError, ValueError, KeyError):
            pass

    def add(self, seed, blames):
        self.runs[str(seed)] = blames
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump({"of": self.of, "runs": self.runs}, f)
        os.replace(self.path + ".new", self.path)


class Tally:
    """Counts over all runs, and a line of the table for each."""

    def __init__(self):
        self.guilty = self.found = self.held = self.runs = self.wrong = 0
        self.width, self.lines = [], []

    def add(self, seed, leaks, blames):
        told = []
        for k, rate in sorted(leaks.items()):
            b = blames.get("k%d" % k)
            self.guilty += 1
            if b is None or not b["named"]:
                told.append("k%d %.3f: missed" % (k, rate))
                continue
            held = b["slope_low"] <= rate <= b["slope_high"]
            self.found += 1
            self.held += held
            self.width.append((b["slope_high"] - b["slope_low"]) / rate)
            told.append("k%d %.3f: %.3f (%.3f .. %.3f)%s" % (
                k, rate, b["slope"], b["slope_low"], b["slope_high"],
                "" if held else " not held"))
        innocent = sorted(name for name, b in blames.items() if b["named"] and
                          name not in {"k%d" % k for k in leaks})
        self.runs += 1
        self.wrong += bool(innocent)
        self.lines.append("| %d | %s | %s |" % (
            seed, "; ".join(told), ", ".join(innocent) or "-"))

    def rates(self):
        return [
            ("guilty kinds named", self.found, self.guilty, "at least 95 %",
             self.found >= 0.95 * self.guilty),
            ("runs in which an innocent kind, or time, was named", self.wrong,
             self.runs, "at most 5 %", self.wrong <= 0.05 * self.runs),
            ("intervals that held the truth", self.held, self.found,
             "90 to 99 %", self.held >= 0.9 * self.found),
        ]

    def text(self, a):
        width = sorted(self.width)
        out = ["# Twenty kinds of request, one to three of them leak", "",
               "Written by `make kinds`: %d runs of %d blocks of %d requests "
               "against the bundled server, seeds from %d." % (
                   self.runs, a.blocks, a.block, a.seed),
               "Each guilty kind leaks 0.05 to 10 objects per request, at "
               "random around the rate that", "is given; only their number "
               "in all is read.", "",
               "| rate | counted | share | goal |", "|---|---|---|---|"]
        out += ["| %s | %d of %d | %.1f %% | %s |" % (
            what, k, n, 100 * k / max(n, 1), goal)
            for what, k, n, goal, _ in self.rates()]
        if width:
            out += ["", "Median width of the intervals: %.3f of the truth." %
                    width[len(width) // 2]]
        return "\n".join(out + [
            "", "| seed | guilty, objects per request: as named (interval) | "
            "innocent, named |", "|---|---|---|"] + self.lines) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--runs", type=int, default=20)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--blocks", type=int, default=24)
    p.add_argument("--block", type=int, default=8000)
    p.add_argument("--write", action="store_true")
    p.add_argument("--resume", action="store_true")
    p.add_argument("--for", type=float, default=math.inf, dest="limit_s")
    a = p.parse_args()
    tally, kept, began, left = Tally(), Kept(a), time.monotonic(), 0
    for seed in range(a.seed, a.seed + a.runs):
        if str(seed) not in kept.runs:
            if time.monotonic() - began > a.limit_s:
                left += 1
                continue
            kept.add(seed, run(seed, a.blocks, a.block))
        tally.add(seed, leaks_of(seed), kept.runs[str(seed)])
        print(tally.lines[-1], flush=True)
    if left > 0:
        print("%d runs are left for another call" % left)
        return 3
    text = tally.text(a)
    if a.write:
        with open(os.path.join(HERE, "KINDS.md"), "w",
                  encoding="utf-8") as f:
            f.write(text)
    print("\n" + text[:text.index("\n| seed")])
    return 0 if all(good for *_, good in tally.rates()) else 1


if __name__ == "__main__":
    sys.exit(main())
