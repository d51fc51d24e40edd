"""The runner itself: failing, hanging, empty and leftover tests turn it red."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

RUNNER = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "run.py")


class RunnerTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text, mode=0o644):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))
        os.chmod(path, mode)

    def run_tests(self):
        """Gives the runner's exit status, its output and its last line."""
        env = dict(os.environ, PLATEAU_TEST_SLOW="1")
        done = subprocess.run([sys.executable, RUNNER, "--root", self.root],
                              env=env,
                              stdout=subprocess.PIPE, text=True, timeout=60,
                              stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout, done.stdout.splitlines()[-1]

    def script(self, body, timeout_s=60):
        self.write("tests/e2e/test_x.py", """\
            import os, subprocess, time, unittest
            class X(unittest.TestCase):
                timeout = %d
                def test_x(self):
                    """ % timeout_s + body + "\n")

    def program(self, body):
        self.write("tests/unit/model/test_x.c", "")
        self.write("build/release/unit/model/test_x", "#!/bin/sh\n" + body,
                   0o755)

    def test_all_green(self):
        self.script("pass")
        self.program("echo 1..2; echo ok 1 - a; echo ok 2 - b\n")
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (0, "3 passed, 0 failed"), out)

    def test_failing_script(self):
        self.script("self.assertEqual('seen', 'wanted')")
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("'seen' != 'wanted'", out)

    def test_script_that_exits_early_has_not_passed(self):
        self.script("os._exit(0)")
        status, _, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))

    def test_script_that_does_not_import(self):
        self.write("tests/e2e/test_x.py", "import no_such_module_here\n")
        status, _, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))

    def test_hanging_script(self):
        self.script("time.sleep(50)", timeout_s=2)
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("timed out after 2 s", out)

    def test_process_left_behind(self):
        self.script("subprocess.Popen(['sleep', '50'],"
                    " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)")
        status, out, _ = self.run_tests()
        self.assertEqual(status, 1)
        self.assertIn("sleep 50", out)

    def test_skip_tells_its_reason(self):
        self.script("raise unittest.SkipTest('no such thing here')")
        self.program("echo 1..1; echo ok 1 - a\n")
        status, out, last = self.run_tests()
        self.assertEqual((status, last),
                         (0, "1 passed, 0 failed, 1 skipped"))
        self.assertIn("no such thing here", out)

    def test_failing_program(self):
        self.program("echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1\n")
        status, _, last = self.run_tests()
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))

    def test_crashing_program(self):
        self.program("echo 1..2; echo ok 1 - a; kill -SEGV $$\n")
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (1, "1 passed, 1 failed"))
        self.assertIn("signal 11", out)

    def test_program_that_runs_nothing(self):
        self.program("exit 0\n")
        self.assertEqual(self.run_tests()[0], 1)

    def test_program_that_was_not_built(self):
        self.program("echo ok 1 - a\n")
        os.unlink(os.path.join(self.root, "build/release/unit/model/test_x"))
        self.assertEqual(self.run_tests()[0], 1)

    def once(self, body):
        """Script lines that run `body` the first time only."""
        mark = os.path.join(self.root, "mark")
        return ("if not os.path.exists(%r):\n"
                "                        open(%r, 'w').close()\n"
                "                        %s" % (mark, mark, body))

    def test_what_fails_once_is_run_again_and_told(self):
        self.script(self.once("self.fail('noise')"))
        self.program("echo 1..2; echo ok 1 - a; echo ok 2 - b\n")
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (0, "3 passed, 0 failed"), out)
        lines = out.splitlines()
        self.assertIn("noise", out)
        self.assertTrue(any(line.startswith("FAIL e2e/test_x.X.test_x (")
                            for line in lines), out)
        self.assertTrue(any(line.startswith("AGAIN ok   e2e/test_x.X.test_x (")
                            for line in lines), out)
        self.assertEqual(lines[-2], "failed once, passed when run again "
                                    "alone: e2e/test_x.X.test_x")

    def test_a_program_that_fails_once_is_counted_once(self):
        mark = os.path.join(self.root, "mark")
        self.program("echo 1..2; echo ok 1 - a\n"
                     "[ -e %s ] && { echo ok 2 - b; exit 0; }\n"
                     "touch %s; echo not ok 2 - b; exit 1\n" % (mark, mark))
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (0, "2 passed, 0 failed"), out)
        self.assertIn("AGAIN ok   unit/model/test_x", out)

    def test_failing_twice_is_failing(self):
        self.script("self.fail('again')")
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 1 failed"))
        self.assertIn("AGAIN FAIL e2e/test_x.X.test_x", out)
        self.assertNotIn("failed once", out)
        self.assertIn("\nfailed: e2e/test_x.X.test_x\n", out)

    def test_sanitizer_reports_have_no_second_chance(self):
        for report in ("==12==ERROR: AddressSanitizer: heap-use-after-free",
                       "==12== Invalid read of size 8",
                       "WARNING: ThreadSanitizer: data race (pid=12)",
                       "a.c:3:5: runtime error: signed integer overflow"):
            mark = os.path.join(self.root, "mark")
            self.program("echo 1..1; [ -e %s ] && { echo ok 1 - a; exit 0; }\n"
                         "touch %s; echo '%s'; exit 1\n" %
                         (mark, mark, report))
            status, out, last = self.run_tests()
            self.assertEqual((status, last), (1, "0 passed, 1 failed"), out)
            self.assertNotIn("AGAIN", out)
            os.unlink(mark)

    def test_many_failures_are_not_chance(self):
        self.write("tests/e2e/test_x.py", """\
            import unittest
            class X(unittest.TestCase):
                pass
            for i in range(11):
                setattr(X, "test_%d" % i, lambda self: self.fail("broken"))
            """)
        status, out, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 11 failed"), out)
        self.assertIn("11 tests failed: none of them is run again", out)

    def test_nothing_to_run_is_not_green(self):
        status, _, last = self.run_tests()
        self.assertEqual((status, last), (1, "0 passed, 0 failed"))


if __name__ == "__main__":
    unittest.main()
