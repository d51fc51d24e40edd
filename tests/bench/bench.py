#!/usr/bin/env python3
"""What a request costs: this load generator beside the others.

Every table comes from rounds in which the tools take turns against the same
server; a figure is the median over the rounds. Servers run on the last core,
generators on the first. Ratios hold from machine to machine, absolute figures
do not.

  bench.py --build DIR [SECTION ...]

Without a section all are run, in about a quarter of an hour; then the benches
beside this one (*_bench.py), which write pages of their own. A section's
figures take its place in RESULTS.md; the other sections stay. Installs
missing tools with apt-get when root; a tool that is not there is left out of
the tables by name. Exit status 1: something asked for was missed.
"""

import argparse
import glob
import os
import resource
import subprocess
import sys
import tempfile
import time

import costs
import pace
from generators import Scenarios
from report import Report, read_sections, write_sections
from servers import CORES, Server, find

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client", "hey": "hey",
            "ab": "apache2-utils", "nginx": "nginx-light",
            "openssl": "openssl"}
SECTIONS = {"plain": costs.section_plain, "real": costs.section_real,
            "tls": costs.section_tls, "h2": costs.section_h2,
            "big": costs.section_big, "rate": pace.section_rate,
            "freeze": pace.section_freeze, "memory": costs.section_memory,
            "scale": costs.section_scale}
HEAD = """# Load benches

Written by `make bench`, section by section; `make bench B="rate freeze"` runs
some of them anew. The generators take turns; figures are medians over the
rounds, ratios medians of the ratios within a round. The server has the last
core to itself, the generators the first. Rounds in which somebody else used
the machine are repeated, and the calmest count.
"""


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


def run_section(name, args, missing):
    r = Report()
    started = time.monotonic()
    load = os.getloadavg()[0]
    SECTIONS[name](r, args)
    r.say("", "%d rounds in %.0f s; %d cores, load average %.1f at the start "
          "and %.1f at the end%s." % (
              args.rounds, time.monotonic() - started, len(CORES), load,
              os.getloadavg()[0],
              "; not there: " + ", ".join(missing) if missing else ""), "")
    return r


def run_sections(names, args):
    missing = install()
    if {"nginx", "wrk", "openssl"} & set(missing):
        raise SystemExit("bench: needs " + ", ".join(missing)
                         + " (run as root to have them installed)")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 10000 <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (10000, hard))
    args.preload = os.path.join(args.build, "count_alloc.so")
    missed = []
    with tempfile.TemporaryDirectory(prefix="plateau-bench-") as folder:
        os.chmod(folder, 0o755)
        args.scenarios = Scenarios(folder)
        args.server = Server(folder)
        try:
            for name in names:
                r = run_section(name, args, missing)
                missed += r.missed
                # At once: a later section that fails takes nothing along.
                sections = read_sections(args.out)
                sections[name] = "\n".join(r.lines)
                write_sections(args.out, HEAD, sections, SECTIONS)
        finally:
            args.server.stop()
    return missed


def neighbours():
    """{name: program} of the benches that write their own pages."""
    return {os.path.basename(p)[:-len("_bench.py")]: p
            for p in sorted(glob.glob(os.path.join(HERE, "*_bench.py")))}


def main():
    others = neighbours()
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--pace-seconds", type=int, default=3)
    p.add_argument("--many", type=int, default=10000000)
    p.add_argument("--out", default=os.path.join(HERE, "RESULTS.md"))
    p.add_argument("sections", nargs="*", metavar="SECTION",
                   help=", ".join(list(SECTIONS) + list(others)))
    args = p.parse_args()
    wanted = args.sections or list(SECTIONS) + list(others)
    unknown = set(wanted) - set(SECTIONS) - set(others)
    if unknown:
        p.error("no section " + ", ".join(sorted(unknown)))
    mine = [n for n in wanted if n in SECTIONS]
    missed = run_sections(mine, args) if mine else []
    for name in wanted:
        if name in others and subprocess.run(
                [sys.executable, others[name]], check=False).returncode != 0:
            missed.append(name)
    if missed:
        print("bench: missed: " + "; ".join(missed), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
