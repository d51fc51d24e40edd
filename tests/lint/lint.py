#!/usr/bin/env python3
"""The house rules that a compiler does not check (ARCHITECTURE and STYLE).

usage: lint.py [--root DIR] [--all] [CHECK...]

Prints `file:line: what` for each finding and exits 1 if there was any. The
quick checks need Python and a compiler; --all adds the tools that are
installed (clang-format, cppcheck, clang-tidy) and says which are not.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Which layer may include which, besides itself. Folders below a layer's
# folder belong to it.
LAYERS = {
    "harness/base": (),
    "harness/model": ("harness/base",),
    "harness/target": ("harness/base", "harness/model"),
    "harness/load": ("harness/base", "harness/model"),
    "harness/sampler": ("harness/base", "harness/model"),
    "harness/import": ("harness/base", "harness/model"),
    "analyzers": ("harness/base", "harness/model"),
    "reports": ("harness/base", "harness/model", "analyzers"),
    "harness/cli": ("harness/base", "harness/model", "harness/target",
                    "harness/load", "harness/sampler", "harness/import",
                    "analyzers", "reports"),
    "harness": ("harness/cli",),
    "tests/server": (),
}

# Libraries by their headers, and the layers that may know of them.
LIBRARIES = {
    r"uv\.h|uv/": ("harness/target", "harness/load", "harness/sampler",
                   "harness/import", "harness/cli"),
    r"curl/": ("harness/target", "harness/load", "harness/sampler",
               "harness/import", "harness/cli"),
    r"nghttp2/|openssl/": ("harness/load", "harness/cli"),
    r"ini\.h": ("harness/model", "harness/cli"),
    r"jansson\.h": ("harness/model", "harness/load", "harness/sampler",
                    "harness/import", "harness/cli"),
}

BANNED = ("strcpy strcat sprintf vsprintf gets strtok atoi system popen "
          "alloca setlocale").split()
FUNCTION_MAX = 70
FILE_MAX = 600
MAIN_MAX = 30

# What must not be named anywhere: written in pieces, or it would find itself.
UNSPEAKABLE = [
    ("a path of one machine", r"(?<![\w.*])/(?:wo" + r"rk|ro" + r"ot)/\w|"
     r"/tm" + r"p/(?:wt|brief)\b"),
    ("a package registry's host",
     r"py" + r"pi\.org|pythonhosted|deb\.deb" + r"ian\.org|registry\.np" +
     r"mjs|crates\.i" + r"o\b|proxy\.gol" + r"ang"),
    ("a ticket by number", r"\biss" + r"ue #?\d+\b"),
]


def tracked_files(root):
    """Paths below root, without build output and version control."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in (
            ".git", "build", "runs", "__pycache__"))
        for name in sorted(names):
            if name == ".git":  # a worktree has a file of that name
                continue
            found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8",
              errors="replace") as f:
        return f.read()


def c_files(root, suffixes=(".c", ".h")):
    return [p for p in tracked_files(root) if p.endswith(suffixes)]


def layer_of(path):
    best = ""
    for layer in LAYERS:
        if path.startswith(layer + "/") and len(layer) > len(best):
            best = layer
    return best


def without_comments_and_strings(text):
    """The same lines, with comments and literals blanked."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def check_layers(root):
    """Includes name the path from the root and never climb."""
    found = []
    for path in c_files(root):
        layer = layer_of(path)
        for number, line in enumerate(read(root, path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not match:
                continue
            where = "%s:%d: " % (path, number)
            kind, name = match.groups()
            if kind == "<":
                found += library_findings(layer, where, name)
                continue
            if not os.path.exists(os.path.join(root, name)):
                found.append(where + 'include "%s" is not a path from the '
                             "root" % name)
                continue
            to = layer_of(name)
            if not layer:  # tests may include what they test
                continue
            if to == "" or (to != layer and to not in LAYERS[layer]):
                found.append(where + "%s must not include %s" %
                             (layer, to or name))
    return found


def library_findings(layer, where, name):
    found = []
    for pattern, layers in LIBRARIES.items():
        if re.match(pattern, name) and layer and layer not in layers:
            found.append(where + "%s must not know <%s>" % (layer, name))
    return found


def guard_of(path):
    """Test helpers are short: PLATEAU_TESTS_ and the file's name."""
    path = re.sub(r"^harness/", "", path)
    if path.startswith("tests/unit/"):
        path = "tests/" + os.path.basename(path)
    return "PLATEAU_" + re.sub(r"[^A-Z0-9]", "_", path.upper())


def check_headers(root):
    """Headers open with what they are for, and are guarded by their path."""
    found = []
    for path in c_files(root, (".h",)):
        text = read(root, path)
        if not text.startswith("/*"):
            found.append("%s:1: opens without a comment" % path)
        guard = guard_of(path)
        match = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
        if not match:
            found.append("%s:1: has no include guard" % path)
        elif path.startswith("tests/unit/") and \
                match.group(1) == match.group(2) and \
                match.group(1).startswith("PLATEAU_TESTS_") and \
                match.group(1).endswith(guard[len("PLATEAU_TESTS"):]):
            continue  # with its layer's folder, or without
        elif match.groups() != (guard, guard):
            line = text[:match.start()].count("\n") + 1
            found.append("%s:%d: guard %s, should be %s" %
                         (path, line, match.group(1), guard))
    return found


def check_self_contained(root):
    """Each header compiles alone."""
    cc = os.environ.get("CC", "cc")
    found = []
    if not shutil.which(cc):
        print("lint: no %s: headers are not compiled" % cc, file=sys.stderr)
        return found
    with tempfile.TemporaryDirectory() as folder:
        for path in c_files(root, (".h",)):
            one = os.path.join(folder, "one.c")
            with open(one, "w", encoding="utf-8") as f:
                f.write('#include "%s"\n#include "%s"\n' % (path, path))
            done = subprocess.run(
                [cc, "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall",
                 "-Wextra", "-Wno-unused-function", "-Werror", "-I" + root,
                 one],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False)
            if done.returncode != 0:
                first = next((x for x in done.stdout.splitlines()
                              if "error" in x), done.stdout[:200])
                found.append("%s:1: does not compile alone: %s" %
                             (path, first))
    return found


def check_banned(root):
    """Functions that we never call."""
    found = []
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    for path in c_files(root):
        text = without_comments_and_strings(read(root, path))
        for number, line in enumerate(text.splitlines(), 1):
            for match in pattern.finditer(line):
                found.append("%s:%d: %s is banned" %
                             (path, number, match.group(1)))
    for number, line in enumerate(read(root, "Makefile").splitlines(), 1):
        if "-ffast-" + "math" in line.partition("#")[0]:
            found.append("Makefile:%d: NaN is our missing value: no fast "
                         "math" % number)
    return found


def table_lines(lines):
    """How many lines lie inside initialisers of arrays and structs."""
    count, inside = 0, False
    for line in lines:
        inside = inside or bool(re.match(r"\s{0,4}\w.*=\s*\{\s*$", line))
        count += inside
        inside = inside and not line.rstrip().endswith("};")
    return count


def check_length(root):
    """Functions of at most 70 lines, files of 600 (tables exempt)."""
    found = []
    for path in c_files(root):
        lines = read(root, path).splitlines()
        begin = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                begin = number
            elif line == "}" and begin is not None:
                if number - begin + 1 > FUNCTION_MAX:
                    found.append("%s:%d: a function of %d lines" %
                                 (path, begin, number - begin + 1))
                begin = None
        length = len(lines) - table_lines(lines)
        if length > FILE_MAX:
            found.append("%s:1: %d lines" % (path, length))
        if path == "harness/main.c" and len(lines) >= MAIN_MAX:
            found.append("%s:1: %d lines" % (path, len(lines)))
    return found


def check_todo(root):
    """An open end says who waits for what: TODO(reason)."""
    found = []
    words = "TO" + "DO|FIX" + "ME|HA" + "CK"
    for path in tracked_files(root):
        if not path.endswith((".c", ".h", ".py", ".sh", ".def", "Makefile")):
            continue
        for number, line in enumerate(read(root, path).splitlines(), 1):
            if re.search(r"\b(%s)\b(?!\(\S)" % words, line) and \
                    not path.startswith("tests/lint/"):
                found.append("%s:%d: an open end without a reason" %
                             (path, number))
    return found


def check_words(root):
    """Nothing that only this workplace knows."""
    found = []
    for path in tracked_files(root):
        if path.startswith("tests/lint/"):
            continue
        with open(os.path.join(root, path), "rb") as f:
            data = f.read(4 << 20)
        if b"\0" in data[:4096]:
            continue
        text = data.decode("utf-8", "replace")
        for what, pattern in UNSPEAKABLE:
            for match in re.finditer(pattern, text):
                line = text[:match.start()].count("\n") + 1
                found.append("%s:%d: names %s: %s" %
                             (path, line, what, match.group(0)))
    return found


def check_scripts(root):
    """Shell scripts parse; Python files compile; no tabs in Python."""
    found = []
    for path in tracked_files(root):
        full = os.path.join(root, path)
        if path.endswith(".sh") or path == ".ci/run":
            shell = "bash" if path == ".ci/run" else "sh"
            done = subprocess.run([shell, "-n", full], check=False,
                                  stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                found.append("%s:1: %s" % (path, done.stderr.strip()))
        elif path.endswith(".py"):
            try:
                compile(read(root, path), path, "exec")
            except SyntaxError as e:
                found.append("%s:%d: %s" % (path, e.lineno or 1, e.msg))
    return found


KEYS_BEGIN = "<!-- keys: generated, see `make lint` -->"
KEYS_END = "<!-- end of keys -->"


def check_keys(root):
    """README's key reference is what the program prints."""
    program = os.path.join(root, "build", "plateau")
    if not os.path.exists(program) or \
            not os.path.exists(os.path.join(root, "README.md")):
        print("lint: build/plateau is missing: the README's keys are not "
              "compared", file=sys.stderr)
        return []
    done = subprocess.run([program, "check", "--keys"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode != 0:
        return ["README.md:1: `plateau check --keys` failed: " +
                done.stderr.strip()[:200]]
    text = read(root, "README.md")
    begin, end = text.find(KEYS_BEGIN), text.find(KEYS_END)
    if begin < 0 or end < begin:
        return ["README.md:1: has no place for the keys"]
    line = text[:begin].count("\n") + 1
    if text[begin + len(KEYS_BEGIN):end].strip() != done.stdout.strip():
        return ["README.md:%d: the keys are out of step: run `make readme`" %
                line]
    return []


def write_keys(root):
    """Puts the program's key reference into the README."""
    done = subprocess.run([os.path.join(root, "build", "plateau"), "check",
                           "--keys"], stdout=subprocess.PIPE, text=True,
                          check=True)
    text = read(root, "README.md")
    begin, end = text.index(KEYS_BEGIN), text.index(KEYS_END)
    text = text[:begin] + KEYS_BEGIN + "\n" + done.stdout.strip() + "\n" + \
        text[end:]
    with open(os.path.join(root, "README.md"), "w", encoding="utf-8") as f:
        f.write(text)


def missing_tool(name):
    if shutil.which(name):
        return False
    print("lint: %s is not installed: skipped" % name, file=sys.stderr)
    return True


def check_format(root):
    """clang-format agrees (.clang-format)."""
    if missing_tool("clang-format"):
        return []
    found = []
    for path in c_files(root):
        text = read(root, path)
        done = subprocess.run(["clang-format", "--assume-filename", path],
                              input=text, stdout=subprocess.PIPE, text=True,
                              cwd=root, check=True)
        if done.stdout != text:
            old, new = text.splitlines(), done.stdout.splitlines()
            line = next((i for i, (a, b) in enumerate(zip(old, new), 1)
                         if a != b), len(old))
            found.append("%s:%d: not as clang-format has it" % (path, line))
    return found


def check_cppcheck(root):
    if missing_tool("cppcheck"):
        return []
    done = subprocess.run(
        ["cppcheck", "--quiet", "--std=c11", "--enable=warning,portability",
         "--inline-suppr", "--template={file}:{line}: {severity}: {message}",
         "--suppress=missingInclude", "-D_GNU_SOURCE",
         '-DPLATEAU_VERSION="0"', '-DPLATEAU_INIH_VERSION="0"',
         "-I.", "-j2", "harness", "analyzers",
         "reports", "tests/server"],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)
    return [x for x in done.stderr.splitlines() if re.match(r"\S+:\d+:", x)]


def check_tidy(root):
    if missing_tool("clang-tidy"):
        return []
    checks = "-*,bugprone-*,clang-analyzer-*,-bugprone-easily-swappable-" \
        "parameters,-bugprone-reserved-identifier,-bugprone-narrowing-" \
        "conversions,-bugprone-implicit-widening-of-multiplication-result," \
        "-bugprone-branch-clone,-bugprone-not-null-terminated-result," \
        "-bugprone-assignment-in-if-condition,-bugprone-sizeof-expression," \
        "-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBuffer" \
        "Handling,-clang-analyzer-valist.Uninitialized"
    # Patients are ill on purpose: what is found there is what they are for.
    files = [p for p in c_files(root, (".c",))
             if not p.startswith(("tests/unit", "tests/fuzz",
                                  "tests/patients"))]
    done = subprocess.run(
        ["clang-tidy", "--quiet", "--checks=" + checks] + files +
        ["--", "-std=c11", "-I.", "-D_GNU_SOURCE", '-DPLATEAU_VERSION="0"',
         '-DPLATEAU_INIH_VERSION="0"'],
        cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, check=False)
    return sorted(set(os.path.relpath(x, root) if os.path.isabs(x) else x
                      for x in done.stdout.splitlines()
                      if re.search(r":\d+:\d+: (warning|error):", x)))


def check_exports(root):
    """Nothing is exported that nobody else calls (needs a build of the
    program and of the unit tests)."""
    objects = []
    base = os.path.join(root, "build", "release")
    for folder, _, names in os.walk(base):
        objects += [os.path.join(folder, n) for n in names
                    if n.endswith(".o")]
    tests = os.path.join(base, "tests", "unit", "")
    if not any(path.startswith(tests) for path in objects) or \
            missing_tool("nm"):
        print("lint: no build of the tests (make check makes one): exports "
              "are not checked", file=sys.stderr)
        return []
    defined, used = {}, set()
    for path in objects:
        out = subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        source = os.path.relpath(path, base)[:-2] + ".c"
        if not os.path.exists(os.path.join(root, source)):
            continue  # its source is gone
        for line in out.splitlines():
            fields = line.split()
            if fields[-2] == "U":
                used.add(fields[-1])
            elif fields[-2] == "T" and not source.startswith("tests/"):
                defined[fields[-1]] = source
    return ["%s:1: %s is exported and nobody calls it" % (where, name)
            for name, where in sorted(defined.items())
            if name not in used and name != "main"]


QUICK = {
    "layers": check_layers,
    "headers": check_headers,
    "self_contained": check_self_contained,
    "banned": check_banned,
    "length": check_length,
    "todo": check_todo,
    "words": check_words,
    "scripts": check_scripts,
    "keys": check_keys,
}
THOROUGH = {
    "exports": check_exports,
    "format": check_format,
    "cppcheck": check_cppcheck,
    "tidy": check_tidy,
}


def main():
    here = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--root", default=here)
    p.add_argument("--all", action="store_true")
    p.add_argument("--write-keys", action="store_true")
    p.add_argument("checks", nargs="*")
    args = p.parse_args()
    root = os.path.abspath(args.root)
    if args.write_keys:
        write_keys(root)
        return 0
    every = dict(QUICK, **THOROUGH)
    names = args.checks or list(every if args.all else QUICK)
    count = 0
    for name in names:
        if name not in every:
            p.error("no such check: %s (there are %s)" %
                    (name, " ".join(every)))
        for finding in every[name](root):
            print(finding)
            count += 1
    print("lint: %d finding%s" % (count, "" if count == 1 else "s"))
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
