"""tests/setup.sh with stand-ins for Debian's tools: what it asks them to do,
what it says, and that it changes nothing when it may not."""

import os
import stat
import subprocess

import support

STANDINS = {
    # Says which packages are there: those in the file `installed`.
    "dpkg-query": 'for p; do :; done\n'
                  'grep -qx "$p" "$HERE/installed" && echo installed\n',
    "apt-get": 'echo "$@" >> "$HERE/asked"\n'
               'case "$*" in *install*) [ ! -e "$HERE/broken" ] || '
               '{ echo no such package; exit 100; };; esac\n',
    "id": 'cat "$HERE/uid"\n',
}


class SetupTest(support.Case):
    def setUp(self):
        super().setUp()
        # A copy of the tree's two files: build/ is made beside them.
        os.makedirs(os.path.join(self.folder, "tests"))
        os.makedirs(os.path.join(self.folder, "bin"))
        for name in ("setup.sh", "requirements.txt"):
            with open(os.path.join(support.ROOT, "tests", name),
                      encoding="utf-8") as f:
                self.write(os.path.join("tests", name), f.read())
        for name, body in STANDINS.items():
            path = self.write(os.path.join("bin", name), "#!/bin/sh\n" + body)
            os.chmod(path, stat.S_IRWXU)
        self.write("uid", "0\n")
        self.write("installed", "")

    def setup_for(self, what):
        done = subprocess.run(
            ["sh", os.path.join(self.folder, "tests", "setup.sh"), what],
            env={"PATH": os.path.join(self.folder, "bin") + ":/usr/bin:/bin",
                 "HERE": self.folder}, timeout=60, check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def asked(self):
        try:
            with open(os.path.join(self.folder, "asked"),
                      encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def install_all(self, *but):
        """All that any target needs is there, `but` these."""
        with open(os.path.join(support.ROOT, "tests", "setup.sh"),
                  encoding="utf-8") as f:
            words = set(f.read().replace('"', " ").split())
        self.write("installed", "".join(w + "\n" for w in sorted(words)
                                        if w not in but))

    def test_quiet_when_nothing_is_missing(self):
        self.install_all()
        self.assertEqual(self.setup_for("build"), (0, ""))
        self.assertEqual(self.asked(), "")

    def test_root_installs_what_is_missing_and_only_that(self):
        self.install_all("libuv1-dev", "gnuplot-nox")
        status, said = self.setup_for("build")
        self.assertEqual((status, said),
                         (0, "setup: installing libuv1-dev gnuplot-nox\n"))
        install = self.asked().splitlines()[-1]
        self.assertTrue(install.endswith("install libuv1-dev gnuplot-nox"),
                        install)

    def test_others_are_told_and_nothing_changes(self):
        self.write("uid", "1000\n")
        self.install_all("libuv1-dev")
        status, said = self.setup_for("build")
        self.assertEqual(status, 1)
        self.assertIn("as root: apt-get install libuv1-dev", said)
        self.assertIn("nothing was changed", said)
        self.assertEqual(self.asked(), "")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "build")))

    def test_optional_packages_do_not_stop_the_lint(self):
        self.write("uid", "1000\n")
        self.install_all("cppcheck")
        status, said = self.setup_for("lint")
        self.assertEqual(status, 0)
        self.assertIn("without cppcheck", said)

    def test_failing_installation_is_shown(self):
        self.install_all("libuv1-dev")
        self.write("broken", "")
        status, said = self.setup_for("build")
        self.assertEqual(status, 1)
        self.assertIn("no such package", said)
        self.assertIn("could not install libuv1-dev", said)

    def test_unknown_purpose(self):
        self.assertEqual(self.setup_for("nonsense")[0], 2)
