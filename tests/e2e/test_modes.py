"""The verdict on each of the patient's modes, whose truth is known."""

import random

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

    def blames(self, r, metric="native_inuse_bytes"):
        """What is named for a metric: kind (or what grows) -> blame."""
        return {b["kind"] or b["per"]: b for b in r.verdict()["blames"]
                if b["named"] and b["metric"] == metric}

    def keyed(self, values, effect="distinct:2048", **more):
        """Asks /x?u=... with these values, beside a page that is level."""
        self.write("values.csv", "u\n" + "\n".join(values) + "\n")
        return self.plateau("run", self.scenario(
            ["--on", "/x=" + effect],
            dict({"plain": "path = /ok\nweight = 4",
                  "odd": "path = /x?u={{csv values.csv u}}\nweight = 4"},
                 **more), {"blocks": "12"}))

    def waves(self):
        """Values that are mostly new, then mostly old, by turns."""
        chance, seen, out = random.Random(5), 0, []
        for i in range(12000):
            if seen == 0 or chance.random() < (0.3 if i // 900 % 2 else 0.8):
                seen += 1
                out.append("v%d" % seen)
            else:
                out.append("v%d" % chance.randint(1, seen))
        return out

    def test_leak_per_distinct_value_not_per_request(self):
        r = self.keyed(self.waves())
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"odd"}, r.told())
        self.assertEqual((b["odd"]["by"], b["odd"]["driver_name"]),
                         ("driver", "u"), r.told())
        self.assertAlmostEqual(b["odd"]["per_driver"] / 2048, 1, delta=0.02)
        said = " ".join(r.out.split())
        self.assertIn("grows with distinct values of u (2.00 KiB each), not "
                      "with requests", said)
        self.assertIn("distinct u", r.text("report.html"))

    def test_leak_per_request_though_values_repeat(self):
        r = self.keyed(self.waves(), "leak:2048")
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"odd"}, r.told())
        self.assertEqual(b["odd"]["by"], "requests", r.told())
        self.assertNotIn("distinct", r.out)

    def test_values_always_new_are_not_told_from_requests(self):
        r = self.keyed(["v%d" % i for i in range(20000)])
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"odd"}, r.told())
        self.assertEqual(b["odd"]["by"], "either", r.told())
        self.assertIn("values that repeat would tell", " ".join(
            r.out.split()))

    def test_a_second_request_tells_values_from_requests(self):
        r = self.keyed(["v%d" % i for i in range(20000)], again=(
            "path = /x?u={{choice a b c}}\nweight = 4"))
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"odd"}, r.told())
        self.assertEqual(b["odd"]["by"], "driver", r.told())
        self.assertAlmostEqual(b["odd"]["per_driver"] / 2048, 1, delta=0.02)

    def test_leak_in_a_step_that_flows_share(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/k/1=leak:2048"],
            {"login": "path = /login\nweight = 0",
             "cart": "path = /k/1\nweight = 0",
             "look": "path = /k/2\nweight = 2"}, {"blocks": "12"},
            "[flow buy]\nsteps = login, cart, look\nweight = 2\n"
            "[flow fill]\nsteps = login, cart, cart\nweight = 1\n"
            "[flow browse]\nsteps = login, look\nweight = 2"))
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"buy", "fill"}, r.told())
        for flow, times in (("buy", 1), ("fill", 2)):
            self.assertEqual((b[flow]["driver"], b[flow]["driver_name"]),
                             ("step", "cart"), r.told())
            self.assertAlmostEqual(b[flow]["slope"] / 2048, times, delta=0.1)
            self.assertAlmostEqual(b[flow]["per_driver"] / 2048, 1, delta=0.05)

    def test_leak_per_connection(self):
        r = self.plateau("run", self.scenario(
            ["--conn-leak", "4096", "--on", "/k/1=close", "--on",
             "/k/2=close"],
            {"plain": "path = /ok\nweight = 4",
             "one": "path = /k/1\nweight = 2",
             "two": "path = /k/2\nweight = 2"}, {"blocks": "12"}))
        self.expect_status(r, 1)
        b = self.blames(r)
        self.assertEqual(set(b), {"connection"}, r.told())
        self.assertAlmostEqual(b["connection"]["slope"] / 4096, 1, delta=0.05)
        self.assertIn("grows with new connections, not with requests",
                      " ".join(r.out.split()))

    def test_leak_by_the_clock(self):
        r = self.judge(leaky=["--time-leak", "1M"])
        self.expect_status(r, 1)
        b = self.blames(r)
        # Blocks that take equally long may leave open whether it is time or
        # every request alike; no kind of request is ever to blame.
        self.assertLessEqual(set(b), {"hour"}, r.told())
        if "hour" in b:
            self.assertAlmostEqual(b["hour"]["slope"] / 3600 / 2**20, 1,
                                   delta=0.05)
            self.assertIn("grows with time, whatever is requested", r.out)

    def test_leak_by_the_clock_with_one_kind(self):
        r = self.plateau("run", self.scenario(["--time-leak", "1M"]))
        self.expect_status(r, 1)
        # Blocks that all take as long do not tell the clock from the requests;
        # on a machine of even speed they do. Never both at once.
        self.assertLess(len(self.blames(r)), 2, r.told())
        self.assertFalse("whatever is requested" in r.out and
                         "ok keeps" in r.out, r.told())

    def test_leak_of_a_rare_error_path(self):
        for status in (404, 500):
            r = self.plateau("run", self.scenario(
                ["--on", "/x=status:%d" % status, "--on", "/x=leak:4096"],
                {"plain": "path = /ok\nweight = 79",
                 "other": "path = /k/2\nweight = 20",
                 "odd": "path = /x\nweight = 1\nexpect = %d" % status},
                {"blocks": "12"}))
            self.expect_status(r, 1)
            b = self.blames(r)
            self.assertEqual(set(b), {"odd"}, r.told())
            self.assertAlmostEqual(b["odd"]["slope"] / 4096, 1, delta=0.1)

    def test_cache_full_before_the_blocks(self):
        self.passes("cache:300:2K", load={"warmup": "4000 requests"})

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

    def test_children_nobody_waits_for(self):
        r = self.judge("zombie", load={"block": "250 requests",
                                       "rate": "500/s"})
        self.expect_status(r, 1)
        self.assertAlmostEqual(self.leak_of(r, "odd", "zombies"), 1,
                               delta=0.02)
        self.assertEqual(r.verdict()["cause"]["class"], "zombies")

    def test_children_that_never_end(self):
        """Nobody's successors: what they bring is growth."""
        r = self.judge("child", load={"block": "100 requests",
                                      "rate": "200/s"})
        self.expect_status(r, 1)
        self.assertAlmostEqual(self.leak_of(r, "odd", "threads"), 1,
                               delta=0.02)
        self.assertEqual(r.verdict()["cause"]["class"], "processes")

    def test_nothing_is_said_of_zombies_that_never_were(self):
        self.passes()
        self.assertNotIn("zombies", [m["name"] for m
                                     in self.result.verdict()["metrics"]])

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
