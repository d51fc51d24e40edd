"""Secrets reach the service and nothing else: no file of the run directory,
no line of the output."""

import os

import support


class SecretsTest(support.ScenarioCase):
    SECRETS = ("sup3r-secret", "literal-9-secret", "environment-3-secret",
               "query-1-secret", "cookie-2-secret", "body-4-secret",
               "flag-5-secret")

    def test_nowhere_in_a_run(self):
        port = support.free_port()
        text = """\
[target]
url = http://bob:sup3r-secret@127.0.0.1:%d
command = /bin/sh -c '%s; exec "$0" --port %d' %s --token flag-5-secret
env.API_TOKEN = literal-9-secret
env.PLAIN = ${PLATEAU_TEST_SECRET}
ready = GET /health within 10s
[load]
users = 2
warmup = 0s
blocks = 2
block = 50 requests
settle = 100ms
[request ok]
method = POST
path = /ok?access_token=query-1-secret
header = Authorization: Bearer ${PLATEAU_TEST_SECRET}
header = Cookie: sid=cookie-2-secret
body = {"password": "body-4-secret", "user": "bob"}
[request missing]
path = /${PLATEAU_TEST_SECRET}/nowhere
expect = 2xx 3xx 404
[verdict]
stop = end
""" % (port, 'echo "told $API_TOKEN, $PLAIN"', port, support.LEAKY)
        env = {"PLATEAU_TEST_SECRET": "environment-3-secret"}
        scenario = self.write("secret.ini", text)
        run = self.plateau("run", scenario, "--verbose", env=env)
        self.assertIn(run.status, (0, 3), run.told())
        check = self.plateau("check", scenario, "--effective", env=env)
        self.expect_status(check, 0)
        said = {"run": run.out + run.err, "check": check.out + check.err}
        self.read_files(run.directory, said)
        self.assertIn("scenario.ini", said)
        self.assertIn("verdict.json", said)
        self.assertIn("told ***, ***\n", said["target.log"])
        self.assertIn("listening on", said["target.log"])
        self.expect_no_secrets(said)
        # What is recorded can be read again, and judged again.
        recorded = run.path("scenario.ini")
        self.expect_status(self.plateau("check", recorded, env=env), 0)
        again = self.plateau("analyze", run.directory)
        self.assertEqual(again.status, run.status, again.told())

    def read_files(self, directory, said):
        for folder, _, names in os.walk(directory):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    said[name] = f.read().decode(errors="replace")

    def expect_no_secrets(self, said):
        for where, text in said.items():
            for secret in self.SECRETS:
                at = text.find(secret)
                self.assertLess(at, 0, "%s: ...%s..." % (
                    where, text[max(at - 60, 0):at + 40]))

    def test_a_failed_start_tells_none(self):
        """Its last words are quoted in every report."""
        out = os.path.join(self.folder, "failed")
        r = self.plateau("run", self.write("failed.ini", """\
[target]
url = http://127.0.0.1:%d
command = /bin/sh -c 'echo "cannot log in: app:$PLAIN@db" >&2; exit 3'
env.PLAIN = ${PLATEAU_TEST_SECRET}
[request ok]
path = /
""" % support.free_port()), "--out", out,
                         env={"PLATEAU_TEST_SECRET": "environment-3-secret"})
        self.expect_status(r, 4)
        self.assertNotIn("his judges what came before", r.out)
        said = {"out": r.out, "err": r.err}
        self.read_files(out, said)
        for where in ("err", "junit.xml", "report.html", "target.log"):
            self.assertIn("cannot log in: app:***@db", said[where], where)
        self.expect_no_secrets(said)
