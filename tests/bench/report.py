"""Markdown on the terminal and in RESULTS.md, section by section."""

import os
import re

MARK = "<!-- %s -->"


class Report:
    """The lines of one section."""

    def __init__(self):
        self.lines = []
        self.missed = []

    def say(self, *lines):
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def table(self, head, rows):
        self.say("", "| " + " | ".join(head) + " |",
                 "|" + "|".join("---" for _ in head) + "|")
        for row in rows:
            self.say("| " + " | ".join(row) + " |")

    def verdict(self, what, value, limit, form="%.2f"):
        met = value <= limit
        self.say("", ("%s: " + form + ", asked for at most " + form + ": %s")
                 % (what, value, limit, "met" if met else "**missed**"))
        if not met:
            self.missed.append(what)


def cell(value, form="%.0f"):
    """A number, or a dash where there is none."""
    return "-" if value is None or value != value else form % value


def read_sections(path):
    """{name: text} of the sections in an earlier RESULTS.md."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as f:
        parts = re.split(r"(?m)^<!-- (\w+) -->\n", f.read())
    return dict(zip(parts[1::2], parts[2::2]))


def write_sections(path, head, sections, order):
    """Writes the sections in `order`; the file is there whole or not at
    all."""
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        f.write(head.rstrip() + "\n")
        for name in order:
            if name in sections:
                f.write("\n" + MARK % name + "\n"
                        + sections[name].strip() + "\n")
    os.rename(path + ".tmp", path)
