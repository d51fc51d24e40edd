#!/usr/bin/env python3
"""Runs every test and prints `N passed, N failed` on its last line.

Two kinds: unit programs (tests/unit/LAYER/test_X.c, built by make into
build/FLAVOUR/unit/LAYER/test_X) and end-to-end tests (tests/e2e/test_*.py,
and tests/lint/test_*.py, plain unittest). Each unit program and each
end-to-end test method runs in a process and session of its own, with a
timeout; its output is shown only if it fails. Tests run two at a time, but
those marked `serial` (they measure) run alone, after the others.

Verdicts are statistics, and the machine is never quiet: what failed is run
once more, alone, at the end. If it passes then, it counts as passed, and the
output says so in as many words ("AGAIN ok", and a closing line). Two kinds of
failure get no second run: those with a report of a sanitizer or valgrind,
which is a defect however seldom it shows, and those that are too many to be
chance.

A test method or its class may carry: `serial = True`, `timeout = SECONDS`.

Standard library only. Exit status: 0 when something passed and nothing
failed, 1 otherwise, 2 for a usage error.
"""

import argparse
import collections
import concurrent.futures
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import unittest

UNIT_TIMEOUT_S = 120
E2E_TIMEOUT_S = 120
OUTPUT_SHOWN = 20000  # bytes of a failing test's output
AGAIN_MAX = 10  # failures that may be chance

# What sanitizers and valgrind begin their reports with.
REPORT = re.compile(r"^(==\d+==|WARNING: ThreadSanitizer|"
                    r"SUMMARY: \w+Sanitizer|.*: runtime error: )", re.M)

Job = collections.namedtuple("Job", "name argv timeout_s serial kind")
# passed, failed: numbers of cases; skips: list of (case, reason).
Result = collections.namedtuple("Result", "passed failed skips output took_s")


def unit_jobs(root, flavour, wrap):
    """One job per test program that has a source; a missing one fails."""
    jobs = []
    base = os.path.join(root, "tests", "unit")
    for folder, _, names in sorted(os.walk(base)):
        for name in sorted(names):
            if not (name.startswith("test_") and name.endswith(".c")):
                continue
            layer = os.path.relpath(folder, base)
            program = os.path.join(root, "build", flavour, "unit", layer,
                                   name[:-2])
            jobs.append(Job("unit/%s/%s" % (layer, name[:-2]),
                            wrap + [program], UNIT_TIMEOUT_S, False, "unit"))
    return jobs


def fuzz_jobs(root, flavour, wrap):
    """Replay of each fuzz target's corpus."""
    jobs = []
    base = os.path.join(root, "tests", "fuzz")
    for name in sorted(os.listdir(base) if os.path.isdir(base) else []):
        match = re.fullmatch(r"(fuzz_\w+)\.c", name)
        if not match:
            continue
        program = os.path.join(root, "build", flavour, "replay",
                               match.group(1))
        corpus = os.path.join(base, "corpus", match.group(1)[len("fuzz_"):])
        jobs.append(Job("fuzz/" + match.group(1), wrap + [program, corpus],
                        UNIT_TIMEOUT_S, False, "fuzz"))
    return jobs


def load_module(path):
    """Imports a test file under its own name, its folder on sys.path."""
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def script_jobs(root, folder):
    """One job per test method below tests/FOLDER."""
    jobs = []
    base = os.path.join(root, "tests", folder)
    for name in sorted(os.listdir(base) if os.path.isdir(base) else []):
        if not (name.startswith("test_") and name.endswith(".py")):
            continue
        path = os.path.join(base, name)
        label = "%s/%s" % (folder, name[:-3])
        argv = [sys.executable, os.path.abspath(__file__), "--one", path]
        try:
            suite = unittest.defaultTestLoader.loadTestsFromModule(
                load_module(path))
        except Exception:  # the job will fail and show the same
            traceback.print_exc()
            jobs.append(Job(label, argv + ["import"], E2E_TIMEOUT_S, False,
                            folder))
            continue
        for test in flatten(suite):
            method = getattr(test, test._testMethodName)
            case = "%s.%s" % (type(test).__name__, test._testMethodName)
            jobs.append(Job(
                label + "." + case, argv + [case],
                getattr(method, "timeout", getattr(test, "timeout",
                                                   E2E_TIMEOUT_S)),
                getattr(method, "serial", getattr(test, "serial", False)),
                folder))
    return jobs


def run_one(path, case):
    """Child side: runs one test method and prints one line on how it went."""
    module = load_module(path)
    suite = unittest.defaultTestLoader.loadTestsFromName(case, module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    for _, reason in result.skipped:
        print("@skip %s" % reason.replace("\n", " "))
    bad = result.failures + result.errors
    unexpected = len(result.unexpectedSuccesses)
    if result.wasSuccessful() and not bad and not unexpected \
            and result.testsRun == 1:
        if not result.skipped:
            print("@ok")
        return 0
    print("@fail")
    return 1


def session_members(sid):
    """Pids of live processes in that session (zombies do not count)."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry, "rb") as f:
                fields = f.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] != b"Z" and int(fields[3]) == sid:
            found.append(int(entry))
    return found


def kill_session(sid):
    """Ends what a test left behind; returns a line per process."""
    lines = []
    for pid in session_members(sid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                command = f.read().replace(b"\0", b" ").decode("utf-8",
                                                               "replace")
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
        lines.append("left running: %d %s\n" % (pid, command.strip()))
    return lines


def run_process(job, root, slow):
    """Runs the job in a session of its own. Gives (status or None for a
    timeout, output, processes left behind, seconds)."""
    began = time.monotonic()
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", LC_ALL="C.UTF-8")
    try:
        child = subprocess.Popen(job.argv, cwd=root, env=env,
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT,
                                 start_new_session=True)
    except OSError as e:
        return 127, "cannot run %s: %s\n" % (job.argv[0], e), [], 0.0
    status = None
    try:
        out, _ = child.communicate(timeout=job.timeout_s * slow)
        status = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        kill_session(child.pid)
        try:
            out, _ = child.communicate(timeout=10)
        except subprocess.TimeoutExpired as e:
            out = e.output or b""
    # A process that is just leaving is given a moment before it counts.
    deadline = time.monotonic() + 2
    while session_members(child.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = kill_session(child.pid)
    return status, out.decode("utf-8", "replace"), left, \
        time.monotonic() - began


def judge_unit(status, output):
    """Counts TAP lines of a cmocka program (or `ok`s of a replay)."""
    passed = failed = 0
    skips = []
    for line in output.splitlines():
        match = re.match(r"(not )?ok \d+ (?:- )?(# SKIP )?(.*)", line)
        if not match:
            continue
        if match.group(2):
            skips.append((match.group(3), "the test says so"))
        elif match.group(1):
            failed += 1
        else:
            passed += 1
    if status != 0 and failed == 0:
        failed = 1
    if passed + failed + len(skips) == 0:
        failed = 1
        output += "no test ran\n"
    return passed, failed, skips, output


def judge_script(status, output):
    words = re.findall(r"^@(ok|fail|skip)(?: (.*))?$", output, re.M)
    skips = [("", reason) for word, reason in words if word == "skip"]
    good = status == 0 and any(word in ("ok", "skip") for word, _ in words)
    if good and skips:
        return 0, 0, skips, output
    return (1, 0, [], output) if good else (0, 1, [], output)


def run_job(job, root, slow):
    status, output, left, took = run_process(job, root, slow)
    output = "".join([output] + left)
    if status is None:
        output += "timed out after %g s\n" % (job.timeout_s * slow)
    judge = judge_unit if job.kind in ("unit", "fuzz") else judge_script
    passed, failed, skips, output = judge(status, output)
    if status is None or left:
        failed = max(failed, 1)
    if failed and status is not None and status < 0:
        output += "ended by signal %d\n" % -status
    return Result(passed, failed, skips, output, took)


class Tally:
    """Prints results as they come, and counts them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.bad = []    # (job, result) that failed
        self.again = []  # names that passed when run again

    def show(self, job, result, prefix=""):
        word = "FAIL" if result.failed else \
            "ok  " if result.passed else "skip"
        print("%s%s %s (%.1f s)" % (prefix, word, job.name, result.took_s))
        for case, reason in result.skips:
            print("     skipped%s: %s" % (" " + case if case else "", reason))
        if result.failed:
            text = result.output
            if len(text) > OUTPUT_SHOWN:
                text = "[...]\n" + text[-OUTPUT_SHOWN:]
            print("     | " + text.rstrip("\n").replace("\n", "\n     | "))
        sys.stdout.flush()

    def add(self, job, result):
        self.show(job, result)
        if result.failed:
            self.bad.append((job, result))
        else:
            self.count(result)

    def count(self, result):
        self.passed += result.passed
        self.failed += result.failed
        self.skipped += len(result.skips)


def run_again(tally, root, slow):
    """Gives what failed its second run, alone, and counts it."""
    many = len(tally.bad) > AGAIN_MAX
    if many:
        print("%d tests failed: none of them is run again" % len(tally.bad))
    still = []
    for job, result in tally.bad:
        if not many and not REPORT.search(result.output):
            result = run_job(job, root, slow)
            tally.show(job, result, "AGAIN ")
        if result.failed:
            still.append((job, result))
        else:
            tally.again.append(job.name)
        tally.count(result)
    tally.bad = still


def run_all(jobs, root, slow, workers):
    tally = Tally()
    shared = [j for j in jobs if not j.serial]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(run_job, j, root, slow): j for j in shared}
        for done in concurrent.futures.as_completed(futures):
            tally.add(futures[done], done.result())
    for job in jobs:
        if job.serial:
            tally.add(job, run_job(job, root, slow))
    run_again(tally, root, slow)
    return tally


def parse_arguments():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--flavour", default="release")
    p.add_argument("--root", default=here, help="the source tree")
    p.add_argument("--only", default="", help="names that match this regex")
    p.add_argument("--kinds", default="unit,fuzz,lint,e2e")
    p.add_argument("--wrap", default="", help="run unit programs under this")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--list", action="store_true")
    p.add_argument("--one", nargs=2, metavar=("FILE", "CASE"),
                   help=argparse.SUPPRESS)
    return p.parse_args()


def main():
    args = parse_arguments()
    if args.one:
        return run_one(*args.one)
    root = os.path.abspath(args.root)
    kinds = args.kinds.split(",")
    wrap = args.wrap.split()
    os.environ["PLATEAU_FLAVOUR"] = args.flavour
    jobs = []
    if "unit" in kinds:
        jobs += unit_jobs(root, args.flavour, wrap)
    if "fuzz" in kinds:
        jobs += fuzz_jobs(root, args.flavour, wrap)
    for folder in ("lint", "e2e"):
        if folder in kinds:
            jobs += script_jobs(root, folder)
    jobs = [j for j in jobs if re.search(args.only, j.name)]
    if args.list:
        for job in jobs:
            print(job.name + (" (serial)" if job.serial else ""))
        return 0
    slow = float(os.environ.get("PLATEAU_TEST_SLOW", "1"))
    tally = run_all(jobs, root, slow, max(1, args.jobs))
    if tally.again:
        print("failed once, passed when run again alone: " +
              " ".join(tally.again))
    if tally.bad:
        print("failed: " + " ".join(job.name for job, _ in tally.bad))
    if tally.passed + tally.failed == 0:
        print("no test ran")
    line = "%d passed, %d failed" % (tally.passed, tally.failed)
    print(line + (", %d skipped" % tally.skipped if tally.skipped else ""))
    return 0 if tally.failed == 0 and tally.passed else 1


if __name__ == "__main__":
    sys.exit(main())
