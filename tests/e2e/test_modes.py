"""The verdict on each of the patient's modes, whose truth is known."""

import support


class ModesTest(support.ScenarioCase):
    """8 requests of 10 are harmless, 2 carry the mode."""

    timeout = 120

    def judge(self, effect=None, leaky=(), load=None, more=""):
        options = list(leaky)
        if effect:
            for e in effect.split():
                options += ["--on", "/x=" + e]
        self.result = self.plateau("run", self.scenario(
            options, {"plain": "path = /ok\nweight = 8",
                      "odd": "path = /x\nweight = 2" if effect else
                             "path = /k/1\nweight = 2"}, load, more))
        return self.result

    def leaks(self, expected, *args, per="odd", **more):
        """A leak, laid at the guilty kind, within a tenth of the truth."""
        r = self.judge(*args, **more)
        self.expect_status(r, 1)
        slope = self.leak_of(r, per)
        self.assertAlmostEqual(slope / expected, 1, delta=0.1,
                               msg=r.told())

    def passes(self, *args, **more):
        self.expect_status(self.judge(*args, **more), 0)

    def no_leak(self, *args, **more):
        """Not a leak; to be unsure is right as well."""
        self.assertIn(self.judge(*args, **more).status, (0, 3),
                      self.result.told())

    def no_pass(self, *args, **more):
        self.assertIn(self.judge(*args, **more).status, (1, 3),
                      self.result.told())

    def test_flat(self):
        self.passes()

    def test_leak_of_one_block(self):
        self.leaks(2048, "leak:2048")

    def test_leak_of_many_small_blocks(self):
        self.leaks(4096, "leak:4096:many")

    def test_leak_by_mapping(self):
        self.leaks(8192, "leak:8192:mmap")

    def test_leak_one_in_ten(self):
        self.leaks(1600, "leak:16000:one:10")

    def test_leak_per_distinct_value(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/x=distinct:2048"],
            {"plain": "path = /ok\nweight = 8",
             "odd": "path = /x?u={{uuid}}\nweight = 2"}))
        self.expect_status(r, 1)
        self.assertAlmostEqual(self.leak_of(r, "odd") / 2048, 1, delta=0.1)

    def test_leak_by_the_clock(self):
        self.expect_status(self.judge(leaky=["--time-leak", "1M"]), 1)

    def test_cache_full_before_the_blocks(self):
        self.passes("cache:300:2K", load={"warmup": "2s"})

    def test_cache_that_fills_within_the_run(self):
        self.no_leak("cache:600:4K", load={"blocks": "12"})

    def test_cache_that_is_still_filling_is_no_pass(self):
        self.no_pass("cache:100000:4K")

    def test_lookups_that_fill_ever_more_slowly(self):
        self.no_leak("lookup:300:4K", load={"blocks": "12"})

    def test_sawtooth(self):
        self.no_leak("sawtooth:20K:4M", load={"blocks": "12"})

    def test_step(self):
        self.no_leak("step:800:4M", load={"blocks": "12"})

    def test_kept_burst(self):
        self.no_leak("burst:800:20M", load={"blocks": "12"})

    def test_kept_burst_in_warm_up(self):
        self.passes("burst:10:20M")

    def test_leak_hidden_behind_a_kept_burst_is_no_pass(self):
        self.no_pass("burst:10:60M leak:2048")

    def test_descriptors(self):
        r = self.judge("fd")
        self.expect_status(r, 1)
        self.assertEqual(r.metric("fds")["verdict"], "leak")
        self.assertAlmostEqual(self.leak_of(r, "odd", "fds"), 1, delta=0.05)

    def test_threads(self):
        r = self.judge("thread", load={"block": "250 requests",
                                       "rate": "500/s"})
        self.expect_status(r, 1)
        self.assertEqual(r.metric("threads")["verdict"], "leak")

    def test_page_cache(self):
        self.no_leak("pagecache:16K")

    def test_copy_on_write(self):
        self.no_leak("cow:8M:16K", leaky=["--workers", "2"],
                     load={"blocks": "12"})

    def test_churn(self):
        self.passes("churn:200K")

    def test_workers_that_leak(self):
        self.leaks(2048, "leak:2048", leaky=["--workers", "2"])

    def test_recycled_workers_that_leak_are_no_pass(self):
        self.no_pass("leak:4096", leaky=["--workers", "2", "--recycle",
                                         "1500"], load={"blocks": "12"})

    def test_recycled_workers_without_a_leak(self):
        self.no_leak(leaky=["--workers", "2", "--recycle", "1500"],
                     load={"blocks": "12"})

    def test_slow_answers(self):
        self.passes("slow:5")

    def test_freezing_server(self):
        self.no_leak(leaky=["--freeze", "500/2"])

    def test_large_bodies(self):
        self.passes("big:1M", load={"rate": "300/s",
                                    "block": "150 requests"})

    def test_soak_without_blocks(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/x=leak:8192"], {"odd": "path = /x\nweight = 1"},
            {"blocks": "0", "block": None, "max_time": "30s",
             "rate": "500/s"}))
        self.expect_status(r, 1)

    def test_attribution_among_twenty(self):
        r = self.plateau("run", self.scenario(
            ["--leak-kind", "3:1024", "--leak-kind", "11:4096"],
            {"k%d" % k: "path = /k/%d\nweight = 1" % k for k in range(20)},
            {"blocks": "24", "block": "1500 requests", "rate": "6000/s",
             "max_time": "90s"}))
        self.expect_status(r, 1)
        for kind, size in (("k3", 1024), ("k11", 4096)):
            self.assertAlmostEqual(self.leak_of(r, kind) / size, 1,
                                   delta=0.15, msg=kind)
        guilty = {b["kind"] for b in r.verdict()["blames"] if b["named"]}
        self.assertEqual(guilty, {"k3", "k11"}, r.told())
