"""What reaches the server is what the scenario says."""

import collections
import json
import os
import re
import resource

import support


class WireCase(support.ScenarioCase):
    STOP = "end"
    LOAD = {"rate": "500/s", "connections": "4", "warmup": "0s",
            "blocks": "2", "block": "100 requests", "settle": "100ms",
            "max_time": "30s"}

    def sent(self, requests, load=None, leaky=(), more="", status=None,
             env=None, target=""):
        """Runs; gives the requests as received, /health left out."""
        self.log = os.path.join(self.folder, "log")
        r = self.plateau("run", self.scenario(
            ["--log", self.log] + list(leaky), requests, load, more,
            target), env=env)
        if status is not None:
            self.expect_status(r, status)
        else:
            self.assertIn(r.status, (0, 1, 3), r.told())
        self.result = r
        with open(self.log, encoding="utf-8", newline="") as f:
            parts = f.read().split("\n----\n")
        return [p for p in parts if p and not p.startswith("GET /health")]


class RequestTest(WireCase):
    def test_line_headers_and_body(self):
        sent = self.sent({"a": 'method = PUT\npath = /echo?q=1\n'
                               'header = X-One: eins ; zwei\n'
                               'header = Content-Type: application/json\n'
                               'body = {"n": {{int 5 7}}}\nweight = 1'})
        self.assertEqual(len(sent), 200)
        for text in sent:
            self.assertTrue(text.startswith("PUT /echo?q=1 HTTP/1.1\r\n"),
                            text)
            self.assertIn("X-One: eins ; zwei\r\n", text)
            self.assertIn("Host: 127.0.0.1:%d\r\n" % self.port, text)
            self.assertRegex(text, r'\r\n\r\n\{"n": [567]\}$')
            self.assertRegex(text, r"(?i)content-length: 8\r\n")

    def test_templates(self):
        sent = self.sent({"a": "path = /k/1?i={{int 1 9}}&c={{choice a b c}}"
                               "&s={{seq}}&u={{uuid}}&r={{rand 6}}&n={{now}}"
                               "\nweight = 1"})
        seen = [re.match(r"GET /k/1\?i=(\d)&c=([abc])&s=(\d+)&"
                         r"u=([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                         r"[89ab][0-9a-f]{3}-[0-9a-f]{12})&"
                         r"r=(\w{6})&n=(\S+) HTTP", t) for t in sent]
        self.assertTrue(all(seen), sent[0])
        self.assertEqual({m.group(1) for m in seen}, set("123456789"))
        self.assertEqual({m.group(2) for m in seen}, set("abc"))
        for group in (3, 4):
            self.assertEqual(len({m.group(group) for m in seen}), 200)
        self.assertGreater(len({m.group(5) for m in seen}), 190)

    def test_feeder_goes_round(self):
        self.write("u.csv", 'user,age\r\nann,1\r\n"b,o b",2\r\ncy,3\r\n')
        sent = self.sent({"a": "method = POST\npath = /digest\n"
                               "body = {{csv u.csv user}}/{{csv u.csv age}}\n"
                               "weight = 1"})
        seen = collections.Counter(t.rpartition("\r\n\r\n")[2] for t in sent)
        self.assertEqual(set(seen), {"ann/1", "b,o b/2", "cy/3"})
        self.assertLessEqual(max(seen.values()) - min(seen.values()), 2)

    def test_weights(self):
        sent = self.sent({"a": "path = /k/1\nweight = 3",
                          "b": "path = /k/2\nweight = 1"},
                         {"blocks": "6", "block": "400 requests",
                          "rate": "2000/s"})
        self.assertEqual(len(sent), 2400)
        a = sum(t.startswith("GET /k/1 ") for t in sent)
        self.assertAlmostEqual(a / 2400, 0.75, delta=0.03)

    def test_large_body(self):
        """A body of 1 MiB arrives whole, and a scenario may hold it."""
        body = "0123456789abcdef" * 65536
        r = self.plateau("run", self.scenario(
            [], {"a": "method = POST\npath = /digest\nbody = %s\n"
                      "expect = 200\nexpect = body contains "
                      '"length": %d\nweight = 1' % (body, len(body))},
            {"rate": "20/s", "blocks": "2", "block": "10 requests"}))
        self.assertIn(r.status, (0, 3), r.told())
        self.assertEqual(r.verdict()["errors"], 0)

    def test_same_seed_same_requests(self):
        requests = {"a": "path = /k/1?{{int 1 1000000}}\nweight = 1",
                    "b": "path = /k/2?{{rand 8}}\nweight = 1"}
        load = {"connections": "1"}
        first = [t.split("\r\n")[0] for t in self.sent(requests, load)]
        os.unlink(self.log)
        again = [t.split("\r\n")[0] for t in self.sent(requests, load)]
        self.assertEqual(first, again)
        os.unlink(self.log)
        other = [t.split("\r\n")[0] for t in self.sent(
            requests, dict(load, seed="2"))]
        self.assertNotEqual(first, other)


class FlowTest(WireCase):
    STEPS = {
        "login": "method = POST\npath = /login\nbody = x",
        "me": "path = /me\nexpect = 200",
        "order": "method = POST\npath = /orders\nbody = {}\nexpect = 201\n"
                 "capture.id = json /id\ncapture.ref = regex (ref-[0-9]+)\n"
                 "capture.place = header Location",
        "look": "path = {{place}}?id={{id}}&ref={{ref}}\nexpect = 200",
    }
    FLOW = ("[flow buy]\nsteps = login, me, order, look\nweight = 1\n"
            "think = 1ms..3ms\n")

    def test_captures_and_cookies(self):
        sent = self.sent(self.STEPS, {"users": "4", "rate": None,
                                      "think": "1ms..2ms",
                                      "cookies": "on"}, more=self.FLOW)
        self.assertEqual(self.result.verdict()["errors"], 0,
                         self.result.told())
        looks = [t for t in sent if t.startswith("GET /orders/")]
        self.assertGreater(len(looks), 20)
        ids = set()
        for text in looks:
            match = re.match(r"GET /orders/(\d+)\?id=(\d+)&ref=ref-(\d+) ",
                             text)
            self.assertTrue(match, text)
            self.assertEqual(len(set(match.groups())), 1, text)
            ids.add(match.group(1))
        self.assertEqual(len(ids), len(looks))  # each looks at its own
        self.assertTrue(all("sid=s" in t for t in sent
                            if t.startswith("GET /me ")))

    def test_failed_step_is_an_error(self):
        steps = dict(self.STEPS, me="path = /me\nexpect = 200")
        self.sent(steps, {"users": "2", "rate": None, "cookies": "off"},
                  more=self.FLOW, status=4)


class AnswerTest(WireCase):
    """Odd answers: counted as errors, survived, never a pass unnoticed."""

    def errors(self, effect, load=None, **more):
        r = self.plateau("run", self.scenario(
            [], {"odd": "path = /do/%s\nweight = 1" % effect,
                 "ok": "path = /ok\nweight = 3"},
            dict({"max_errors": "60%", "timeout": "1s",
                  "connections": "16"}, **(load or {})),
            **more))
        self.assertIn(r.status, (0, 1, 3), r.told())
        odd = next(k for k in r.verdict()["kinds"] if k["name"] == "odd")
        return odd["errors"] / odd["sent"]

    def test_broken_answers_are_errors(self):
        for effect in ("status:500", "cut", "badstatus", "garbage",
                       "badchunk", "badlength", "drop", "reset", "hang",
                       "endless", "slow:5000", "longheader:2000000",
                       "trickle:20"):
            with self.subTest(effect):
                self.assertGreater(self.errors(effect), 0.99)

    test_broken_answers_are_errors.timeout = 300

    def test_odd_but_valid_answers_are_not(self):
        for effect in ("chunked:100001", "big:1M", "nolength", "half",
                       "close", "trickle:1", "slow:50"):
            with self.subTest(effect):
                self.assertLess(self.errors(effect, {"timeout": "5s"}),
                                0.001)

    test_odd_but_valid_answers_are_not.timeout = 200

    def test_a_header_without_end_is_the_targets_fault(self):
        for engine in ("h1", "curl"):
            r = self.plateau("run", self.scenario(
                [], {"odd": "path = /do/longheader:2000000"},
                {"engine": engine, "connections": "2", "rate": "20/s"}))
            self.expect_status(r, 4)
            self.assertIn("GET /do/longheader:2000000: not valid HTTP",
                          r.out.replace("\n           ", " "))

    def test_body_over_its_cap_fails(self):
        self.assertGreater(self.errors("big:200000",
                                       {"max_body": "100000"}), 0.99)

    def test_redirects_only_to_allowed_hosts(self):
        r = self.plateau("run", self.scenario([], {
            "in": "path = /do/redirect:/ok\nweight = 1\nexpect = 200",
            "out": "path = /redirect?to=http://other.example/\nweight = 1\n"
                   "expect = 200"}, {"redirects": "3", "max_errors": "60%"}))
        kinds = {k["name"]: k for k in r.verdict()["kinds"]}
        self.assertEqual(kinds["in"]["errors"], 0, r.told())
        self.assertEqual(kinds["out"]["errors"], kinds["out"]["sent"])


class RateTest(WireCase):
    serial = True

    def test_open_model_keeps_its_rate(self):
        r = self.plateau("run", self.scenario(
            [], load={"rate": "1000/s", "blocks": "4",
                      "block": "2s"}))
        self.assertFalse(r.verdict()["rate_missed"], r.told())
        rows = r.rows("barriers.csv")
        done = float(rows[-1]["requests"]) - float(rows[0]["requests"])
        self.assertAlmostEqual(done / 8000, 1, delta=0.02)

    def test_rate_out_of_reach_is_told(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/ok=spin:2000"],
            load={"rate": "3000/s", "blocks": "3", "block": "1s",
                  "timeout": "20s"}))
        self.assertTrue(r.verdict()["rate_missed"], r.told())
        self.assertRegex((r.out + r.err).lower(), "rate")

    def test_frozen_server_shows_in_latency(self):
        """Coordinated omission: half a second's stall is not excused."""
        r = self.plateau("run", self.scenario(
            ["--freeze", "500/2"],
            load={"rate": "1000/s", "blocks": "0", "block": None,
                  "max_time": "10s", "connections": "32"}))
        p99 = max(k["p99_ms"] for k in r.verdict()["kinds"])
        self.assertGreater(p99, 300, r.told())

    def test_closed_model(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/ok=slow:20"],
            load={"rate": None, "users": "5", "think": "0ms..0ms",
                  "blocks": "0", "block": None, "max_time": "4s"}))
        rows = r.rows("requests.csv")
        done = sum(int(row["ok"]) for row in rows)
        seconds = 1 + max(int(row["t_s"]) for row in rows)
        # 5 users, 20 ms each: some 250 a second at most, on any machine.
        self.assertLessEqual(done, 262 * seconds, rows)
        self.assertGreater(done, 250 * seconds / 5, rows)


class TroubleTest(WireCase):
    """The generator's own limits: said, and never laid at the target."""

    def test_more_connections_than_descriptors(self):
        r = self.plateau("run", self.scenario(
            [], load={"users": "500", "connections": "500", "rate": None}),
            limits=(resource.RLIMIT_NOFILE, 256, 256))
        self.expect_status(r, 5)
        self.assertRegex(r.err, "500 connections take .* descriptors")
        self.assertIn("ulimit", r.err)

    def test_the_soft_limit_is_raised(self):
        r = self.plateau("run", self.scenario(
            [], load={"users": "300", "connections": "300", "rate": None}),
            limits=(resource.RLIMIT_NOFILE, 100, 4096))
        self.assertIn(r.status, (0, 1, 3), r.told())
        self.assertEqual(r.verdict()["errors"], 0, r.told())

    def starve(self, pid):
        """Takes some of the connections' descriptors away, once there are
        connections."""
        folder = "/proc/%d/fd" % pid

        def sockets():
            found = []
            for fd in os.listdir(folder):
                try:
                    if os.readlink(folder + "/" + fd).startswith("socket:"):
                        found.append(int(fd))
                except OSError:
                    pass
            return found
        support.until(lambda: len(sockets()) >= 14, 20, "connections")
        most = sorted(sockets())[-8]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))

    def test_out_of_descriptors_in_mid_run(self):
        r = self.plateau("run", self.scenario(
            ["--on", "/ok=slow:20", "--on", "/ok=close"],
            load={"users": "16", "connections": "16", "rate": None,
                  "blocks": "200"}), started=self.starve)
        self.expect_status(r, 5)
        self.assertIn("ran out of descriptors", r.err + r.out)
        self.assertNotIn("target failed", r.out)

    def test_lateness_is_in_the_verdict(self):
        """Two connections, 50 ms a request, five times as many due."""
        r = self.plateau("run", self.scenario(
            [], {"slow": "path = /do/slow:50\nweight = 1"},
            load={"rate": "200/s", "connections": "2", "blocks": "3",
                  "block": "1s", "timeout": "20s"}))
        self.assertRegex(r.verdict()["reason"], "after they were due")
        self.assertGreater(r.verdict()["harness"]["late_p99_ms"], 100)


class SecretTest(WireCase):
    SECRETS = ("hush-token-4711", "s3cr3t-cookie", "pa55-in-env",
               "dXNlcjpwYXNz")

    def test_secrets_reach_the_server_and_nothing_else(self):
        sent = self.sent(
            {"a": "path = /echo\nheader = Authorization: Bearer "
                  "${SHOP_TOKEN}\nheader = Cookie: sid=s3cr3t-cookie\n"
                  "weight = 1",
             "b": "path = /echo?key=${SHOP_TOKEN}\nweight = 1\n"
                  "header = Proxy-Authorization: Basic dXNlcjpwYXNz\n"
                  "capture.back = regex (hush[-a-z0-9]*)"},
            target="env.APP_PASSWORD = ${APP_PASSWORD}", env={"SHOP_TOKEN": "hush-token-4711",
                 "APP_PASSWORD": "pa55-in-env"})
        self.assertTrue(any("Bearer hush-token-4711" in t for t in sent))
        os.unlink(self.log)
        for folder, _, names in os.walk(self.result.directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                for secret in self.SECRETS:
                    self.assertNotIn(secret.encode(), data, name)
        for secret in self.SECRETS:
            self.assertNotIn(secret, self.result.out + self.result.err)
        self.assertIn("***", self.result.text("scenario.ini"))
        self.assertEqual(json.loads(
            self.result.text("run.json")).get("name"), "test")
