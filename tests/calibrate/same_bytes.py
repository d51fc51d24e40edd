#!/usr/bin/env python3
"""The same file gives the same verdict, byte for byte, whoever compiled us.

Builds the program with gcc and clang, -O0 and -O3, lets each judge one
generated series of every kind and the files named, and compares what they
print. Standard library only. Exit status: 0 all the same, 1 not.

usage: same_bytes.py [-j JOBS] [CSV...]
"""

import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
VARIANTS = [("gcc", "-O0"), ("gcc", "-O3"), ("clang", "-O0"),
            ("clang", "-O3")]
SEED = "9001"


def build(cc, level, jobs):
    """The folder of this variant, built."""
    flavour = "bytes-" + cc + level
    folder = os.path.join("build", flavour)
    subprocess.run(["make", "-s", "-j%d" % jobs, "CC=" + cc,
                    "CFLAGS=" + level, "FLAVOUR=" + flavour,
                    folder + "/plateau", folder + "/calibrate/samples"],
                   cwd=ROOT, check=True)
    return os.path.join(ROOT, folder)


def verdict(folder, path):
    done = subprocess.run([os.path.join(folder, "plateau"), "analyze", path,
                           "--json"], stdout=subprocess.PIPE)
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    folders = [build(cc, level, args.j) for cc, level in VARIANTS]
    files, series = [os.path.abspath(f) for f in args.files], []
    for folder in folders:
        out = os.path.join(folder, "series")
        os.makedirs(out, exist_ok=True)
        subprocess.run([os.path.join(folder, "calibrate", "samples"), "-s",
                        SEED, "-d", out], check=True)
        series.append({n: open(os.path.join(out, n), "rb").read()
                       for n in sorted(os.listdir(out))})
        if folder == folders[0]:
            files += [os.path.join(out, n) for n in series[0]]
    differ = [n for n in series[0] if any(s.get(n) != series[0][n]
                                          for s in series)]
    for path in files:
        first, *others = [verdict(f, path) for f in folders]
        if any(o != first for o in others):
            differ.append(path)
    for name in differ:
        print("differs: " + name)
    print("%d files, %d variants, %d differ"
          % (len(files), len(folders), len(differ)))
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
