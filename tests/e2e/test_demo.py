"""The demo, and the other bundled scenarios."""

import os
import shutil

import support


class DemoTest(support.ScenarioCase):
    serial = True
    timeout = 120

    def demo(self, *more):
        """In the tree the program is build/plateau; that of another flavour
        is laid out as an installation is."""
        if support.FLAVOUR == "release":
            program = os.path.join(support.ROOT, "build", "plateau")
        else:
            for folder in ("bin", "libexec/plateau",
                           "share/plateau/scenarios"):
                os.makedirs(os.path.join(self.folder, folder))
            for path, place in (
                    (support.LEAKY, "libexec/plateau"),
                    (os.path.join(support.ROOT, "scenarios", "demo.ini"),
                     "share/plateau/scenarios")):
                shutil.copy2(path, os.path.join(self.folder, place))
            program = shutil.copy2(support.PLATEAU,
                                   os.path.join(self.folder, "bin"))
        return self.plateau("demo", *more, program=program)

    def test_leak(self):
        r = self.demo()
        self.expect_status(r, 1)
        self.assertLess(r.took_s, 60 * support.SLOW)
        self.assertTrue(r.out.lstrip().startswith("LEAK"), r.told())
        self.assertAlmostEqual(self.leak_of(r, "order"), 2048, delta=205)
        self.assertRegex(r.out, r"POST /orders|order")
        self.assertRegex(r.out, r"(1\.[89]\d*|2\.[012]\d*) KiB|20\d\d B")

    def test_healthy(self):
        r = self.demo("--healthy", "--verbose")
        self.expect_status(r, 0)
        self.assertIn("phase load 1\n", r.err)
        self.assertLess(r.took_s, 60 * support.SLOW)
        self.assertTrue(r.out.lstrip().startswith("PASS"), r.told())


class BundledTest(support.Case):
    """The demo's two are run by DemoTest, Flask's by test_flask_pair."""

    timeout = 150

    def run_bundled(self, name, status):
        r = self.plateau("run", "scenarios/" + name, cwd=support.ROOT, env={
            "LEAKY_PORT": str(support.free_port()), "LEAKY": support.LEAKY},
            timeout=120)
        self.expect_status(r, status)
        return r

    def test_shop(self):
        r = self.run_bundled("shop.ini", 1)
        self.assertEqual(r.verdict()["errors"], 0)
        self.assertTrue([b for b in r.verdict()["blames"]
                         if b["named"] and b["kind"] == "buy"], r.told())

    def test_soak(self):
        self.run_bundled("soak.ini", 0)
