"""plateau compare: two runs of the patient, a baseline file, bad input."""

import json
import os
import unittest

import support

SCENARIO = """
[scenario]
name = compare
[target]
url     = http://127.0.0.1:{port}
command = {leaky} --port {port} {options}
ready   = GET /health within 10s
[load]
rate   = 2000/s
warmup = 1s
blocks = 8
block  = 800 requests
settle = 200ms
[request order]
method = POST
path   = /orders
expect = 201
[request browse]
path   = /ok
weight = 3
[sample]
every  = 200ms
"""


class CompareTest(support.Case):
    def run_with(self, name, options):
        out = os.path.join(self.folder, name)
        text = SCENARIO.format(port=support.free_port(), leaky=support.LEAKY,
                               options=options)
        r = self.plateau("run", self.write(name + ".ini", text), "--quiet",
                         "--out", out)
        return out, r

    def test_fixed_worse_same_and_baseline(self):
        leaking, r = self.run_with("leaking", "--leak 2048")
        self.expect_status(r, 1)
        fixed, r = self.run_with("fixed", "")
        self.expect_status(r, 0)

        r = self.plateau("compare", leaking, fixed)
        self.expect_status(r, 0)
        self.assertRegex(r.out, r"^fixed ")
        r = self.plateau("compare", fixed, leaking, "--json")
        self.expect_status(r, 1)
        said = json.loads(r.out)
        self.assertEqual(said["change"], "worse")
        rows = {(x["metric"], x["kind"]): x for x in said["rows"]}
        order = rows["native_inuse_bytes", "order"]
        self.assertEqual(order["change"], "worse")
        self.assertAlmostEqual(order["difference_per_request"]["value"], 2048,
                               delta=205)
        self.expect_status(self.plateau("compare", leaking, leaking), 1)
        self.expect_status(self.plateau("compare", fixed, fixed), 0)

        baseline = os.path.join(self.folder, "baseline.json")
        self.expect_status(
            self.plateau("compare", "--save", baseline, fixed), 0)
        r = self.plateau("compare", baseline, leaking)
        self.expect_status(r, 1)
        self.assertRegex(r.out, r"^worse ")

    def test_bad_input(self):
        for text in ("{", "[]", '{"schema": "other"}'):
            path = self.write("bad.json", text)
            r = self.plateau("compare", path, path)
            self.expect_status(r, 2)
            self.assertIn("bad.json", r.err)
        self.expect_status(self.plateau("compare", self.folder), 2)
        self.expect_status(self.plateau("compare", "/none", "/none"), 2)


if __name__ == "__main__":
    unittest.main()
