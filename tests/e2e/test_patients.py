"""A representative few of the patients (tests/patients); `make
check-patients` runs them all."""

import os
import subprocess
import sys
import unittest

import support

RUN = os.path.join(support.ROOT, "tests", "patients", "run.py")


class PatientsTest(support.Case):
    serial = True
    timeout = 900

    def test_representative_few(self):
        done = subprocess.run(
            [sys.executable, RUN, "--quick"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=900 * support.SLOW,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreaterEqual(done.stdout.count("exit 1"), 2, done.stdout)
        self.assertGreaterEqual(done.stdout.count("exit 0"), 2, done.stdout)


class KindsTest(support.Case):
    """Two runs of tests/patients/kinds.py; `make kinds` makes twenty."""

    timeout = 180

    def test_leaking_kinds_among_twenty(self):
        done = subprocess.run(
            [sys.executable, os.path.join(os.path.dirname(RUN), "kinds.py"),
             "--runs", "2", "--seed", "7", "--block", "4000"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=180 * support.SLOW, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("| guilty kinds named | 3 of 3 |", done.stdout)


if __name__ == "__main__":
    unittest.main()
