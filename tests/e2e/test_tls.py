"""HTTPS: a certificate that is not right ends the run, and is named."""

import os
import shutil
import subprocess
import sys
import textwrap
import unittest

import support

SERVER = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port %d" % server.server_address[1], flush=True)
server.serve_forever()
"""


@unittest.skipUnless(shutil.which("openssl"), "no openssl to make keys with")
class CertificateTest(support.ScenarioCase):
    LOAD = {"rate": "200/s", "connections": "2", "warmup": "0s",
            "blocks": "2", "block": "50 requests", "settle": "0s",
            "max_time": "20s"}

    def setUp(self):
        super().setUp()
        self.key = os.path.join(self.folder, "key.pem")
        self.certificate = os.path.join(self.folder, "certificate.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec",
             "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2",
             "-subj", "/CN=plateau test", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out",
             self.certificate], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        server = self.service([
            sys.executable, self.write("server.py", textwrap.dedent(SERVER)),
            self.certificate, self.key])
        self.pid = server.pid
        self.tls_port = int(server.wait_line(r"port (\d+)").group(1))

    def soak(self, *lines, host="127.0.0.1"):
        path = self.scenario(command="", target="\n".join(
            ("pid = %d" % self.pid,) + lines))
        return self.plateau("run", path, "--set", "target.url=https://%s:%d" %
                            (host, self.tls_port))

    def refused(self, result, words):
        self.expect_status(result, 4)
        self.assertEqual(result.verdict()["verdict"], "inconclusive",
                         result.told())
        self.assertRegex(result.out + result.err, words)

    def answered(self, result):
        self.assertIn(result.status, (0, 3), result.told())
        self.assertEqual(result.verdict()["errors"], 0, result.told())
        self.assertEqual(result.verdict()["requests"], 100, result.told())

    def test_signed_by_nobody_we_know(self):
        self.refused(self.soak(), r"certificate not\s+trusted")

    def test_for_another_host(self):
        self.refused(self.soak("tls_ca = " + self.certificate,
                               host="localhost"), r"certificate not\s+trusted")

    def test_of_an_authority_that_is_named(self):
        self.answered(self.soak("tls_ca = " + self.certificate))

    def test_unchecked_when_told_so(self):
        self.answered(self.soak("tls_verify = off"))

    def test_authority_that_cannot_be_read(self):
        r = self.soak("tls_ca = %s/none.pem" % self.folder)
        self.expect_status(r, 2)
        self.assertRegex(r.err, r"scenario\.ini:\d+: .*none\.pem")
