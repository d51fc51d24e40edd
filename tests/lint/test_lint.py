"""The tree keeps the house rules, and each rule catches its breach."""

import os
import shutil
import subprocess
import tempfile
import textwrap
import unittest

import lint


class TreeTest(unittest.TestCase):
    """One test per quick check on this source tree."""

    ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__))))


def add_tree_tests():
    for name, check in lint.QUICK.items():
        def test(self, check=check):
            self.assertEqual(check(self.ROOT), [])
        setattr(TreeTest, "test_" + name, test)


add_tree_tests()


class BreachTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        self.write("Makefile", "all:\n")

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))

    def finds(self, check, *words):
        found = lint.QUICK[check](self.root)
        self.assertEqual(len(found), len(words), found)
        for line, word in zip(found, words):
            self.assertIn(word, line)
            self.assertRegex(line, r"^\S+:\d+: ")

    def test_exported_and_called_by_tests_alone(self):
        """Before the tests are built, nobody is accused."""
        self.write("harness/base/a.c", """\
            int used(void);
            int unused(void);
            int used(void) { return 1; }
            int unused(void) { return 2; }
            """)
        self.write("tests/unit/base/test_a.c", """\
            int used(void);
            int main(void) { return used(); }
            """)

        def build(path):
            out = os.path.join(self.root, "build", "release", path[:-2] + ".o")
            os.makedirs(os.path.dirname(out))
            subprocess.run(["cc", "-c", os.path.join(self.root, path), "-o",
                            out], check=True)
        build("harness/base/a.c")
        self.assertEqual(lint.THOROUGH["exports"](self.root), [])
        build("tests/unit/base/test_a.c")
        self.assertEqual(lint.THOROUGH["exports"](self.root), [
            "harness/base/a.c:1: unused is exported and nobody calls it"])

    def test_include_that_climbs(self):
        self.write("harness/model/m.h", "")
        self.write("harness/load/l.h", "")
        self.write("harness/base/deep/b.c", '#include "harness/model/m.h"\n')
        self.write("harness/load/l.c", '#include "harness/load/l.h"\n'
                   '#include "harness/model/m.h"\n')
        self.write("harness/sampler/s.c", '#include "harness/load/l.h"\n')
        self.finds("layers", "harness/base must not include harness/model",
                   "harness/sampler must not include harness/load")

    def test_include_not_from_the_root(self):
        self.write("harness/base/b.h", "")
        self.write("harness/base/b.c", '#include "b.h"\n')
        self.finds("layers", "not a path from the root")

    def test_library_in_a_pure_layer(self):
        self.write("analyzers/a.c", "#include <uv.h>\n#include <math.h>\n")
        self.write("harness/load/l.c", "#include <uv.h>\n")
        self.finds("layers", "analyzers must not know <uv.h>")

    def test_header_guard(self):
        self.write("harness/base/a.h", """\
            /* A. */
            #ifndef PLATEAU_BASE_A_H
            #define PLATEAU_BASE_A_H
            #endif
            """)
        self.finds("headers")
        self.write("harness/base/b.h", "/* B. */\n#ifndef B_H\n"
                   "#define B_H\n#endif\n")
        self.write("harness/base/c.h", "int c;\n")
        self.finds("headers", "should be PLATEAU_BASE_B_H",
                   "opens without a comment", "no include guard")

    def test_header_that_needs_another(self):
        self.write("harness/base/a.h", """\
            #ifndef PLATEAU_BASE_A_H
            #define PLATEAU_BASE_A_H
            size_t f(void);
            #endif
            """)
        self.finds("self_contained", "does not compile alone")

    def test_banned_functions(self):
        self.write("harness/base/a.c", """\
            /* sprintf( in a comment, */
            const char *s = "strcpy(in a string)";
            int f(const char *t) { return my_atoi(t) + atoi(t); }
            void g(char *d) { strcpy(d, s); snprintf(d, 1, "x"); }
            """)
        self.finds("banned", "atoi is banned", "strcpy is banned")

    def test_fast_math(self):
        self.write("Makefile", "# -ffast-math never\nCFLAGS = -ffast-"
                   "math\n")
        self.finds("banned", "Makefile:2")

    def test_lengths(self):
        self.write("harness/base/a.c", "int f(void)\n{\n" + "    ;\n" * 68 +
                   "}\n")
        self.finds("length")
        self.write("harness/base/a.c", "int f(void)\n{\n" + "    ;\n" * 69 +
                   "}\n")
        self.write("harness/base/b.c", "int a;\n" * 601)
        self.write("harness/base/c.c", "static const int t[] = {\n" +
                   "    1,\n" * 601 + "};\n")
        # A table ends where its initialiser does, on whatever line.
        self.write("harness/base/d.c", "int f(void)\n{\n    struct p a = {\n" +
                   "        .x = 1, .y = 2};\n}\n" + "int a;\n" * 600)
        self.write("harness/base/e.c", "static const int t[][1] = {\n" +
                   "    {1},\n" * 300 + "    {2}};\n" + "int a;\n" * 601)
        self.finds("length", "a function of 71 lines", "b.c:1: 601 lines",
                   "d.c:1: 603 lines", "e.c:1: 601 lines")

    def test_open_end(self):
        self.write("harness/base/a.c", "/* TODO: later */\n"
                   "/* TODO(needs cgroup v2): then */\n")
        self.finds("todo", "harness/base/a.c:1")

    def test_words_of_one_workplace(self):
        self.write("README.md", "a\nsee /ro" + "ot/x\n")
        self.write("harness/base/a.c", "/* iss" + "ue 12 */\n")
        self.finds("words", "README.md:2", "a ticket by number")

    def test_scripts(self):
        self.write("tests/a.sh", "if true\n")
        self.write("tests/b.py", "def f(:\n")
        self.finds("scripts", "tests/a.sh", "tests/b.py")


if __name__ == "__main__":
    unittest.main()
