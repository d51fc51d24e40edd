"""What the patients' runs gave, and the table of them.

Every run of one build is kept, in build/patients/rows.json, until the program
or a patient changes: a row that was run three times is right when all three
were, and the table says how often each was run. So a part of the matrix can
be run now and the rest later, and nobody can pick the better of two runs.
"""

import fcntl
import hashlib
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
RESULTS = os.path.join(HERE, "RESULTS.md")
HEAD = ["patient", "twin", "exit", "request", "kind", "holder", "runs",
        "result"]
HOLDER_SHOWN = 90


def identity(program):
    """What the rows rest on: the program and the patients, as one number."""
    h = hashlib.sha256()
    paths = [program]
    for folder, _, names in sorted(os.walk(HERE)):
        paths += [os.path.join(folder, n) for n in sorted(names)
                  if not n.endswith((".md", ".pyc"))]
    for path in paths:
        with open(path, "rb") as f:
            h.update(f.read())
    return h.hexdigest()


class Rows:
    """The runs so far of this build, by patient and twin."""

    def __init__(self, path, program):
        self.path, self.build = path, identity(program)
        self.runs = {}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.load()

    def load(self):
        try:
            with open(self.path, encoding="utf-8") as f:
                kept = json.load(f)
            if kept["build"] == self.build:
                self.runs = kept["runs"]
        except (OSError, ValueError, KeyError):
            pass

    def add(self, title, twin, cells):
        """Others may add rows of other patients meanwhile."""
        with open(self.path + ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.load()
            self.runs.setdefault(title + " " + twin, []).append(cells)
            with open(self.path + ".new", "w", encoding="utf-8") as f:
                json.dump({"build": self.build, "runs": self.runs}, f)
            os.replace(self.path + ".new", self.path)

    def have(self, title, twin):
        return (title + " " + twin) in self.runs

    def row(self, title, twin):
        """The row's cells: of the first run that went wrong, else the last."""
        runs = self.runs[title + " " + twin]
        wrong = [r for r in runs if r["result"] != "ok"]
        shown = dict((wrong or runs)[0 if wrong else -1])
        shown["runs"] = str(len(runs))
        if wrong and len(runs) > 1:
            shown["result"] += " (%d of %d)" % (len(wrong), len(runs))
        return dict(shown, patient=title, twin=twin)


def cell(text):
    """Names come from the service: nothing of them is markup."""
    text = re.sub(r"[^ -~]", "?", text)
    for raw, safe in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"),
                      ("`", "'")):
        text = text.replace(raw, safe)
    return text


def write_results(rows, order, path=RESULTS):
    """`order`: (title, twin) of the whole matrix."""
    have = [o for o in order if rows.have(*o)]
    table = [rows.row(*o) for o in have]
    good = sum(r["result"] == "ok" for r in table)
    with open(path, "w", encoding="utf-8") as f:
        f.write(
            "# The patients, and what Plateau said\n\n"
            "Written by `make patients`: %d runs of one build (%s). A row per "
            "twin; `runs` is\nhow often it was run, and a row is right when "
            "every run was; `result` names what was\nnot as `table.py` wants "
            "it.\n\n" % (sum(int(r["runs"]) for r in table),
                         rows.build[:12]))
        for row in [dict(zip(HEAD, HEAD)), dict.fromkeys(HEAD, "---")]:
            f.write("| %s |\n" % " | ".join(row[h] for h in HEAD))
        for row in table:
            f.write("| %s |\n" % " | ".join(
                cell(row[h][:HOLDER_SHOWN] if h == "holder" else row[h])
                for h in HEAD))
        f.write("\n%d of %d rows are right.\n" % (good, len(order)))
        if len(have) < len(order):
            f.write("\nNot run: %s.\n" % ", ".join(
                "%s (%s)" % o for o in order if o not in have))
