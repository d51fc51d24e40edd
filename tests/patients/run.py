#!/usr/bin/env python3
"""Runs Plateau against the patients and compares what it says with the truth.

usage: run.py [--quick] [--only NAME[,NAME]] [--write] [--keep]

Prints a row per twin: exit status, the request named, the kind of growth, the
holder; exits 1 when a row is not as tests/patients/table.py says. --write
puts the table into tests/patients/RESULTS.md. Servers (Redis, PostgreSQL) are
started here on free loopback ports and stopped; what the machine lacks is
skipped by name.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
sys.path.insert(0, HERE)

import support  # noqa: E402
import table  # noqa: E402

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
warmup      = 4s
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


class Servers:
    """Redis and PostgreSQL, started when first asked for."""

    def __init__(self):
        self.started = []
        self.folder = tempfile.mkdtemp(prefix="plateau-servers-")
        self.redis_pid = None

    def redis(self):
        server = shutil.which("redis-server")
        if server is None:
            return None
        port = support.free_port()
        s = support.Service([server, "--port", str(port), "--bind",
                             "127.0.0.1", "--save", "", "--appendonly", "no",
                             "--dir", self.folder])
        s.wait_line("Ready to accept connections")
        self.started.append(s)
        self.redis_pid = s.pid
        return "redis://127.0.0.1:%d/0" % port

    def postgres(self):
        found = [d for d in sorted(
            os.listdir("/usr/lib/postgresql"), reverse=True)] \
            if os.path.isdir("/usr/lib/postgresql") else []
        if not found:
            return None
        tools = "/usr/lib/postgresql/%s/bin" % found[0]
        data = os.path.join(self.folder, "pg")
        as_user = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            as_user = ["runuser", "-u", "postgres", "--"]
            os.chmod(self.folder, 0o755)
            os.mkdir(data)
            shutil.chown(data, "postgres")
        port = support.free_port()
        subprocess.run(as_user + [tools + "/initdb", "-D", data, "-A", "trust",
                                  "-U", "postgres"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        s = support.Service(as_user + [
            tools + "/postgres", "-D", data, "-p", str(port), "-c",
            "listen_addresses=127.0.0.1", "-c",
            "unix_socket_directories=", "-c", "fsync=off"], cwd="/")
        s.wait_line("ready to accept connections")
        self.started.append(s)
        return "postgresql+psycopg2://postgres@127.0.0.1:%d/postgres" % port

    def stop(self):
        for s in self.started:
            s.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


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
    return sorted({b["kind"] for b in said.get("blames", [])
                   if b.get("named")})


def judge(patient, twin, code, said):
    """A list of what is not as it should be, and the row's cells."""
    wrong = []
    wanted = patient.get("trap") or ((1,) if twin == "leaking" else (0,))
    if code not in wanted:
        wrong.append("exit")
    requests = named_requests(said)
    kind = (said.get("cause") or {}).get("class", "")
    chains = [c["text"] for c in (said.get("diagnosis") or {}).get(
        "chains", [])]
    if twin == "leaking" and code == 1:
        if requests != ["work"]:
            wrong.append("request")
        if patient["kinds"] and kind not in patient["kinds"]:
            wrong.append("kind")
        if patient["holder"] and not any(
                re.search(patient["holder"], c) for c in chains):
            wrong.append("holder")
    cells = [patient.get("title", patient["name"]), twin, str(code),
             " ".join(requests) or "-", kind or "-",
             chains[0][:90] if chains else "-", ", ".join(wrong) or "ok"]
    return wrong, cells


HEAD = ["patient", "twin", "exit", "request", "kind", "holder", "result"]


def old_rows(path):
    """The table's rows so far, so that --only renews a part of it."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        rows = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
                for line in f if line.startswith("| ")]
    return [r for r in rows[2:] if len(r) == len(HEAD)]


def write_results(rows):
    path = os.path.join(HERE, "RESULTS.md")
    rows = [[c.replace("|", "\\|").replace("<", "&lt;") for c in r]
            for r in rows]
    new = {tuple(r[:2]) for r in rows}
    order = [p.get("title", p["name"]) for p in table.PATIENTS]
    rows += [r for r in old_rows(path) if tuple(r[:2]) not in new
             and r[0] in order]
    rows.sort(key=lambda r: (order.index(r[0]), r[1] == "fixed"))
    with open(path, "w", encoding="utf-8") as f:
        f.write("# The patients, and what Plateau said\n\n"
                "Written by `make patients`. A row per twin; `result` names "
                "what was not as\n`table.py` wants it.\n\n")
        for row in [HEAD, ["---"] * len(HEAD)] + rows:
            f.write("| %s |\n" % " | ".join(row))
        good = sum(r[-1] == "ok" for r in rows)
        f.write("\n%d of %d rows are right.\n" % (good, len(rows)))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default="")
    ap.add_argument("--write", action="store_true")
    a = ap.parse_args()
    only = set(filter(None, a.only.split(",")))
    rows, bad = [], 0
    for patient in table.PATIENTS:
        title = patient.get("title", patient["name"])
        if (only and title not in only) or (a.quick and
                                            not patient.get("quick")):
            continue
        servers = Servers()
        try:
            env, lacking = prepare(patient, servers)
            if lacking:
                print("skipped %s: %s" % (title, lacking), flush=True)
                continue
            for twin in ["trap"] if patient.get("trap") else [
                    "leaking", "fixed"]:
                code, said, took, err = run_twin(patient, twin, env)
                wrong, cells = judge(patient, twin, code, said)
                rows.append(cells)
                bad += bool(wrong)
                print("%-22s %-8s exit %s  %-8s %-16s %5.0f s  %s" % (
                    cells[0], twin, code, cells[3], cells[4], took,
                    cells[6]), flush=True)
                if wrong:
                    print("    %s" % (said.get("reason") or err.strip()[-300:]
                                      ), flush=True)
        finally:
            servers.stop()
    if a.write:
        write_results(rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
