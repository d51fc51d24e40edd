"""make install and make uninstall, and the program where it was put."""

import os
import shutil
import subprocess

import support


class InstallTest(support.Case):
    timeout = 300

    def test_install_and_uninstall(self):
        if support.FLAVOUR != "release":
            self.skipTest("the release flavour is what is installed")
        make = shutil.which("make")
        self.assertTrue(make)
        # Where quotes are missing, "a" is removed with "a b/usr".
        beside = self.write("a", "somebody else's\n")
        folder = os.path.join(self.folder, "a b")
        argv = [make, "-s", "DESTDIR=" + folder, "PREFIX=/usr"]
        built = os.stat(support.PLATEAU).st_mtime_ns
        subprocess.run(argv + ["install"], cwd=support.ROOT, check=True)
        # Nothing had changed, and other tests run the program meanwhile.
        self.assertEqual(os.stat(support.PLATEAU).st_mtime_ns, built)
        program = os.path.join(folder, "usr/bin/plateau")
        done = subprocess.run([program, "--version"], check=True, text=True,
                              stdout=subprocess.PIPE)
        self.assertIn("plateau", done.stdout)
        # Each scenario has beside it what it reads.
        scenarios = os.path.join(folder, "usr/share/plateau/scenarios")
        names = [n for n in os.listdir(scenarios) if n.endswith(".ini")]
        self.assertGreater(len(names), 3)
        for name in names:
            subprocess.run([program, "check", os.path.join(scenarios, name)],
                           check=True, stdout=subprocess.DEVNULL,
                           env=dict(os.environ, SHOP_TOKEN="t",
                                    SHOP_TWIN="fixed", SHOP_PORT="8000",
                                    SHOP_PAYLOAD="0"))
        # It finds its server and its scenario where they were installed.
        done = subprocess.run(
            [program, "demo", "--set", "load.blocks=3", "--set",
             "load.block=200 requests", "--set", "load.warmup=200ms",
             "--out", os.path.join(self.folder, "run")],
            check=False, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.folder)
        self.assertIn(done.returncode, (0, 1, 3), done.stdout)
        subprocess.run(argv + ["uninstall"], cwd=support.ROOT, check=True)
        left = [os.path.join(d, n) for d, _, names in os.walk(folder)
                for n in names]
        self.assertEqual(left, [])
        self.assertTrue(os.path.exists(beside))

    def test_help_names_every_target(self):
        """What a newcomer may type is in `make help`, a line each."""
        with open(os.path.join(support.ROOT, "Makefile"),
                  encoding="utf-8") as f:
            phony = f.read().split("\n.PHONY:")[1].split("\nFORCE:")[0]
        inner = {"unit", "check-unit", "tests", "fuzzers", "run-tests",
                 "FORCE", "\\"}
        said = subprocess.run([shutil.which("make"), "help"], check=True,
                              cwd=support.ROOT, text=True,
                              stdout=subprocess.PIPE).stdout
        for target in set(phony.split()) - inner:
            self.assertRegex(said, r"(?m)^  %s +\S" % target)
