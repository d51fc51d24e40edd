#!/usr/bin/env python3
"""Runs Plateau against the patients and compares what it says with the truth.

usage: run.py [--quick] [--only NAME[,NAME]] [--write] [--resume] [--for S]

Prints a row per twin: exit status, the request named, the kind of growth, the
holder; exits 1 when a row is not as tests/patients/table.py says. --write
puts the table into tests/patients/RESULTS.md. --resume leaves out what this
build was run against before, --for begins no patient after so many seconds
(then the exit status is 3). Servers (Redis, PostgreSQL) are started here on
free loopback ports and stopped; what the machine lacks is skipped by name.
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
sys.path.insert(0, HERE)

import results  # noqa: E402
import support  # noqa: E402
import table  # noqa: E402
from servers import Servers  # noqa: E402

BUILD = os.path.join(ROOT, "build", "patients")
APPS = os.path.join(HERE, "python")

SCENARIO = """\
[scenario]
name = {title}-{twin}

[target]
url     = http://127.0.0.1:{port}
command = {command}
cwd     = {apps}
ready   = GET /health within 40s
{env}

[load]
rate        = {rate}/s
connections = 8
warmup      = {warmup}
blocks      = 10
block       = {block} requests
settle      = 700ms
max_time    = 120s

[request browse]
path   = /browse/{{{{int 1 500}}}}
weight = 2

[request search]
path   = /search?q=a+b
weight = 1

[request work]
method = POST
path   = {path}
expect = {expect}
weight = 2

[sample]
every  = 500ms
{sample}

[verdict]
{verdict}
"""


def build_extension():
    """Compiles the C extension for the environment's Python."""
    out = os.path.join(BUILD, "ext")
    os.makedirs(out, exist_ok=True)
    python = os.path.join(support.VENV, "python")
    ask = ("import sysconfig as s;print(s.get_path('include'));"
           "print(s.get_config_var('EXT_SUFFIX'))")
    include, suffix = subprocess.run(
        [python, "-c", ask], check=True, stdout=subprocess.PIPE,
        text=True).stdout.split()
    if not os.path.exists(os.path.join(include, "Python.h")):
        return None
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-I", include, "-o",
                    os.path.join(out, "patient_ext" + suffix),
                    os.path.join(APPS, "patient_ext.c")], check=True)
    return out


def prepare(patient, servers):
    """The environment a patient needs; None when the machine lacks it."""
    env = dict(patient.get("env", {}))
    if patient.get("tool") and shutil.which(patient["tool"]) is None:
        return None, "no " + patient["tool"]
    if patient.get("redis"):
        env["PATIENT_REDIS"] = servers.redis()
        if env["PATIENT_REDIS"] is None:
            return None, "no redis-server"
    if patient.get("postgres"):
        env["PATIENT_DATABASE"] = servers.postgres()
        if env["PATIENT_DATABASE"] is None:
            return None, "no PostgreSQL"
    if patient.get("extension"):
        env["PYTHONPATH"] = build_extension()
        if env["PYTHONPATH"] is None:
            return None, "no Python.h"
    return env, None


def run_twin(patient, twin, env):
    title = patient.get("title", patient["name"])
    port = support.free_port()
    command = patient.get("command") or table.gunicorn(patient["name"])
    env = dict(env)
    env.setdefault("PATIENT_TWIN", twin)
    url = "http://127.0.0.1:%d" % port
    line = " ".join(command).format(venv=support.VENV, port=port,
                                    leaky=support.LEAKY)
    if twin == "leaking":
        line += " " + patient.get("leaking_arguments", "")
    text = SCENARIO.format(
        title=title, twin=twin, port=port, command=line,
        apps=os.path.join(HERE, patient.get("folder", "python")),
        env="\n".join("env.%s = %s" % kv for kv in sorted(env.items())),
        warmup=patient.get("warmup", "4s"),
        rate=patient.get("rate", 250), block=patient.get("block", 600),
        path=patient.get("path", "/work"), expect=patient.get("expect", 201),
        sample=patient.get("sample", "python = agent").format(
            url=url, venv=support.VENV, other=os.path.join(HERE, "other"),
            redis=env.get("PATIENT_REDIS", "")),
        verdict=patient.get("verdict", ""))
    folder = os.path.join(BUILD, "%s-%s" % (title, twin))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    scenario = os.path.join(folder, "scenario.ini")
    with open(scenario, "w", encoding="utf-8") as f:
        f.write(text)
    began = time.monotonic()
    done = subprocess.run(
        [support.PLATEAU, "run", scenario, "--quiet", "--json", "--out",
         os.path.join(folder, "run")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=300)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = {}
    return done.returncode, said, time.monotonic() - began, done.stderr


def named_requests(said):
    """Kinds of request; "per hour" where it is time that is named."""
    return sorted({b["kind"] or "per " + b["per"]
                   for b in said.get("blames", [])
                   if b.get("named")})


def judge(patient, twin, code, said):
    """What is not as it should be, and what was said, as the row's cells."""
    wrong = []
    wanted = patient.get("trap") or ((1,) if twin == "leaking" else (0,))
    if code not in wanted:
        wrong.append("exit")
    requests = named_requests(said)
    kind = (said.get("cause") or {}).get("class", "")
    chains = [c["text"] for c in (said.get("diagnosis") or {}).get(
        "chains", [])]
    right = [c for c in chains if patient.get("holder") and
             re.search(patient["holder"], c)]
    if twin == "leaking" and code == 1:
        if requests != patient.get("requests", ["work"]):
            wrong.append("request")
        if patient.get("kinds") and kind not in patient["kinds"]:
            wrong.append("kind")
        if patient.get("holder") and not right:
            wrong.append("holder")
    return {"exit": str(code), "request": " ".join(requests) or "-",
            "kind": kind or "-", "holder": (right + chains + ["-"])[0],
            "result": ", ".join(wrong) or "ok"}


def twins(patient):
    return ["trap"] if patient.get("trap") else ["leaking", "fixed"]


def title_of(patient):
    return patient.get("title", patient["name"])


def run_patient(patient, wanted, rows):
    """Runs the twins named; gives how many were wrong."""
    title, bad = title_of(patient), 0
    servers = Servers()
    try:
        env, lacking = prepare(patient, servers)
        if lacking:
            print("skipped %s: %s" % (title, lacking), flush=True)
            return 0
        for twin in wanted:
            code, said, took, err = run_twin(patient, twin, env)
            cells = judge(patient, twin, code, said)
            rows.add(title, twin, cells)
            print("%-22s %-8s exit %s  %-8s %-16s %5.0f s  %s" % (
                title, twin, code, cells["request"], cells["kind"], took,
                cells["result"]), flush=True)
            if cells["result"] != "ok":
                bad += 1
                print("    %s" % (said.get("reason") or err.strip()[-300:]),
                      flush=True)
    finally:
        servers.stop()
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default="")
    ap.add_argument("--write", action="store_true")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--for", type=float, default=math.inf, dest="limit_s")
    a = ap.parse_args()
    only = set(filter(None, a.only.split(",")))
    titles = [title_of(p) for p in table.PATIENTS]
    if only - set(titles):
        ap.error("no such patient: %s" % ", ".join(sorted(only - set(titles))))
    rows = results.Rows(os.path.join(BUILD, "rows.json"), support.PLATEAU)
    began, bad, left = time.monotonic(), 0, 0
    for patient in table.PATIENTS:
        title = title_of(patient)
        if (only and title not in only) or (a.quick and
                                            not patient.get("quick")):
            continue
        wanted = [t for t in twins(patient)
                  if not (a.resume and rows.have(title, t))]
        if wanted and time.monotonic() - began > a.limit_s:
            left += 1
        elif wanted:
            bad += run_patient(patient, wanted, rows)
    if a.write:
        results.write_results(rows, [(title_of(p), t) for p in table.PATIENTS
                                     for t in twins(p)])
    if left > 0:
        print("%d patients are left for another call" % left)
    return 1 if bad else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
