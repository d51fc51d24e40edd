#!/usr/bin/env python3
"""Breaks the analyzers on purpose, and what else a verdict rests on, one rule
at a time, and sees a test go red.

A copy of the tree is built in build/mutants; each rule of rules.py is applied
to it, and the analyzers' unit tests (or those the rule names) are built and
run until one fails: the mutant is killed. First the one that killed it last
time, then that of the broken file and those that killed others there, the
small calibration last. One that no test notices has survived,
and a test is missing.

usage: run.py [-j JOBS] [--resume] [--for SECONDS] [REGEX]
              only rules whose name matches

--resume leaves out what was killed already on these very sources by that very
test (a test more cannot bring a mutant back to life), --for begins no mutant after so many seconds: both together cut a long run in pieces.

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
    of what is judged: the analyzers, what rules break, and what their tests
    share."""
    digest = hashlib.sha256()
    broken = {source_of(rule) for rule in RULES}
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
                shared = re.search(r"/(analyzers|calibrate)/[^/]*\.[ch]$|"
                                   r"/tests/unit/.*\.h$", source) and \
                    not name.startswith("test_")
                if shared or os.path.relpath(source, ROOT) in broken:
                    with open(source, "rb") as f:
                        digest.update(name.encode() + f.read())
    return digest.hexdigest()


def digest_of(test):
    """Of the source of test LAYER/test_X."""
    with open(os.path.join(ROOT, "tests", "unit", test + ".c"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def is_test(test):
    return os.path.exists(os.path.join(ROOT, "tests", "unit", test + ".c"))


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


def in_order(tests, likely):
    """Groups of tests, each built when none of those before failed: one by
    one what is `likely` to, the slow ones last."""
    first = [t for t in likely if t in tests]
    quick = [t for t in tests if t not in SLOW + first]
    slow = [[t] for t in tests if t in SLOW and t not in first]
    return [g for g in [[t] for t in first] + [quick] + slow if g]


def likely_for(rule, seen):
    """Tests that may kill it, the likeliest first, each once."""
    same = [seen[r[0]]["by"] for r in RULES
            if r[1] == rule[1] and r[0] in seen]
    mine = "/test_" + os.path.basename(rule[1])[:-2]
    first = [seen[rule[0]]["by"]] if rule[0] in seen else []
    return list(dict.fromkeys(first + ["analyzers" + mine] + sorted(same)))


def first_red(tests, jobs, likely=()):
    """The test that fails, or None."""
    end = time.monotonic() + TIMEOUT_S
    for group in in_order(tests, likely):
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


def judge(rule, tests, jobs, likely=()):
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
        on = digest + hashlib.sha256("\n".join(rule[1:]).encode()).hexdigest()
        known = seen.get(rule[0])
        if args.resume and known and is_test(known["by"]) and \
                known["on"] == on + digest_of(known["by"]):
            killed += 1
            continue
        if time.monotonic() > end:
            left += 1
            continue
        red = judge(rule, list(rule[4:]) or tests, args.j,
                    likely_for(rule, seen))
        if red:
            red = red.split()[0]
            seen[rule[0]] = {"by": red, "on": on + digest_of(red)}
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
    whole = digest + "".join(digest_of(t) for t in tests)
    whole = hashlib.sha256(whole.encode()).hexdigest()
    sound = load_seen().get("", {}).get("on") == whole
    red = None if args.resume and sound else first_red(tests, args.j)
    if red is not None:
        print("%s fails before anything is broken" % red, file=sys.stderr)
        return 2
    save_seen(dict(load_seen(), **{"": {"on": whole}}))
    killed, survived, left = judge_all(rules, tests, digest, args)
    print("%d mutants, %d killed, %d survived%s" % (
        len(rules), killed, survived, ", %d left" % left if left else ""))
    return 1 if survived else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
