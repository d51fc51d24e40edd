"""The rules of `make mutants` fit the sources they break."""

import importlib.util
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def load():
    """tests/mutants/run.py, under a name of its own."""
    sys.dont_write_bytecode = True
    path = os.path.join(ROOT, "tests", "mutants", "run.py")
    spec = importlib.util.spec_from_file_location("mutants_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class MutantsTest(unittest.TestCase):
    def test_rules_apply(self):
        """`make mutants` wants all of them; a source that has just moved
        need not stop everybody, but rules may not rot."""
        mutants = load()
        bad = mutants.misfits()
        self.assertLess(len(bad), len(mutants.RULES) / 5, "\n".join(bad))

    def test_names_differ(self):
        names = [r[0] for r in load().RULES]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 25)

    def test_a_rule_that_does_not_apply_is_found(self):
        mutants = load()
        before = len(mutants.misfits())
        mutants.RULES.append(("no such text", "rows.c", "no such text", ""))
        mutants.RULES.append(("no such file", "no.c", "no such text", ""))
        self.assertEqual(len(mutants.misfits()), before + 2)
        del mutants.RULES[-2:]


if __name__ == "__main__":
    unittest.main()
