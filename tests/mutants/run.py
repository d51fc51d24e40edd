#!/usr/bin/env python3
"""Breaks the analyzers on purpose, and what else a verdict rests on, one rule
at a time, and sees a test go red.

A copy of the tree is built in build/mutants; each rule of rules.py is applied
to it, and the analyzers' unit tests (or those the rule names) are built and
run, the one that killed it last time first and the small calibration last,
until one fails: the mutant is killed. One that no test notices has survived,
and a test is missing.

usage: run.py [-j JOBS] [--resume] [--for SECONDS] [REGEX]
              only rules whose name matches

--resume leaves out what was killed already on these very sources, --for
begins no mutant after so many seconds: both together cut a long run in pieces.

Exit status: 0 all killed, 1 survivors, 2 a rule that does not apply, 3 some
are left for the next piece.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rules import RULES  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TREE = os.path.join(ROOT, "build", "mutants")
# Seconds for all of a mutant's tests: one that loops is killed as well.
TIMEOUT_S = 240
SLOW = ["analyzers/test_continuous", "analyzers/test_calibration"]
# Of each rule: the test that killed it, and on which sources.
SEEN = os.path.join(ROOT, "build", "mutants.json")


def source_of(rule):
    """The path, from the root, of the file it breaks."""
    path = rule[1]
    return path if "/" in path else "analyzers/" + path


def misfits(root=ROOT):
    """The rules that cannot be applied, with the reason."""
    bad = []
    for rule in RULES:
        name, _, text, instead = rule[:4]
        path = source_of(rule)
        full, found = os.path.join(root, path), 0
        if os.path.exists(full):
            with open(full) as f:
                found = f.read().count(text)
        if found != 1:
            bad.append("%s: found %d times in %s: %s"
                       % (name, found, path, text))
        elif text == instead:
            bad.append("%s: changes nothing" % name)
    return bad


def copy_file(source, target):
    """New bytes get a new date, so that make sees them."""
    with open(source, "rb") as f:
        wanted = f.read()
    if os.path.exists(target):
        with open(target, "rb") as f:
            if f.read() == wanted:
                return
    with open(target, "wb") as f:
        f.write(wanted)


def copy_tree():
    """The sources and all that their unit tests are made of; gives a digest
    of what is judged: the analyzers, what rules break, and their tests."""
    digest = hashlib.sha256()
    broken = {source_of(rule) for rule in RULES}
    for rule in RULES:
        broken |= {"tests/unit/%s.c" % t for t in rule[4:]}
    copy_file(os.path.join(ROOT, "Makefile"), os.path.join(TREE, "Makefile"))
    for part in ["analyzers", "harness", "reports", "tests/unit",
                 "tests/calibrate"]:
        for folder, folders, names in os.walk(os.path.join(ROOT, part)):
            folders.sort()
            target = os.path.join(TREE, os.path.relpath(folder, ROOT))
            os.makedirs(target, exist_ok=True)
            for old in set(os.listdir(target)) - set(os.listdir(folder)):
                if os.path.isfile(os.path.join(target, old)):
                    os.remove(os.path.join(target, old))
            for name in sorted(names):
                source = os.path.join(folder, name)
                copy_file(source, os.path.join(target, name))
                if re.search(r"/(analyzers|calibrate)/[^/]*\.[ch]$",
                             source) or \
                        os.path.relpath(source, ROOT) in broken:
                    with open(source, "rb") as f:
                        digest.update(name.encode() + f.read())
    return digest.hexdigest()


def load_seen():
    """What earlier runs saw: {rule: {"by": test, "on": sources}}."""
    try:
        with open(SEEN) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def save_seen(seen):
    with open(SEEN + ".tmp", "w") as f:
        json.dump(seen, f, indent=1, sort_keys=True)
    os.replace(SEEN + ".tmp", SEEN)


def programs():
    base = os.path.join(TREE, "tests", "unit", "analyzers")
    names = ["analyzers/" + n[:-2] for n in sorted(os.listdir(base))
             if n.startswith("test_") and n.endswith(".c")]
    return [n for n in names if n not in SLOW] + SLOW


def path_of(program):
    return "build/release/unit/" + program


def build(jobs, targets):
    """Compiler's words when it fails, else None. A mutant may leave unused
    what it breaks: no warning stands in its way."""
    done = subprocess.run(["make", "-s", "-j%d" % jobs, "WARN=-w"] + targets,
                          cwd=TREE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else done.stdout.decode()


def first_red(tests, jobs, likely=None):
    """The test that fails, or None; `likely` is tried alone and first, the
    slow ones are built only when needed."""
    first = [t for t in tests if t == likely]
    quick = [t for t in tests if t not in SLOW + first]
    slow = [[t] for t in tests if t in SLOW and t not in first]
    end = time.monotonic() + TIMEOUT_S
    for group in [g for g in [first, quick] + slow if g]:
        words = build(jobs, [path_of(t) for t in group])
        if words is not None:
            raise RuntimeError("does not compile:\n" + words)
        for test in group:
            try:
                done = subprocess.run(
                    [os.path.join(TREE, path_of(test))], cwd=TREE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    timeout=max(1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                return test + " (too long)"
            if done.returncode != 0:
                return test
    return None


def judge(rule, tests, jobs, likely=None):
    """The test that kills this rule's mutant, or None."""
    name, path, text, instead = rule[:4]
    target = os.path.join(TREE, source_of(rule))
    with open(target) as f:
        source = f.read()
    began = time.monotonic()
    try:
        with open(target, "w") as f:
            f.write(source.replace(text, instead))
        red = first_red(tests, jobs, likely)
    except RuntimeError as e:
        print("%s: %s" % (name, e), file=sys.stderr)
        sys.exit(2)
    finally:
        with open(target, "w") as f:
            f.write(source)
    print("%-8s  %-42s %-14s %s  %.0f s" % (
        "killed" if red else "SURVIVED", name, os.path.basename(path),
        red or "",
        time.monotonic() - began), flush=True)
    return red


def judge_all(rules, tests, digest, args):
    """(killed, survived, left) of these rules."""
    seen, end = load_seen(), time.monotonic() + args.seconds
    killed = survived = left = 0
    for rule in rules:
        key = hashlib.sha256("\n".join(rule[1:]).encode()).hexdigest()
        known = seen.get(rule[0], {})
        if args.resume and known.get("on") == digest + key:
            killed += 1
            continue
        if time.monotonic() > end:
            left += 1
            continue
        red = judge(rule, list(rule[4:]) or tests, args.j, known.get("by"))
        if red:
            seen[rule[0]] = {"by": red.split()[0], "on": digest + key}
            killed += 1
        else:
            seen.pop(rule[0], None)
            survived += 1
        save_seen(seen)
    return killed, survived, left


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--for", type=float, default=float("inf"),
                        dest="seconds")
    parser.add_argument("pattern", nargs="?", default="")
    args = parser.parse_args()
    bad = misfits()
    if bad:
        print("\n".join(bad), file=sys.stderr)
        return 2
    rules = [r for r in RULES if re.search(args.pattern, r[0])]
    os.makedirs(TREE, exist_ok=True)
    digest = copy_tree()
    tests = programs()
    sound = load_seen().get("", {}).get("on") == digest
    red = None if args.resume and sound else first_red(tests, args.j)
    if red is not None:
        print("%s fails before anything is broken" % red, file=sys.stderr)
        return 2
    save_seen(dict(load_seen(), **{"": {"on": digest}}))
    killed, survived, left = judge_all(rules, tests, digest, args)
    print("%d mutants, %d killed, %d survived%s" % (
        len(rules), killed, survived, ", %d left" % left if left else ""))
    return 1 if survived else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
