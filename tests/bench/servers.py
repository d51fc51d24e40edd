"""The servers the benches run against, on the last core: nginx, and a server
of our own that knows when each request arrived (comb.c)."""

import os
import shutil
import signal
import socket
import subprocess
import time

BODY = "0123456789abcdef" * 8
CORES = sorted(os.sched_getaffinity(0))


def find(tool):
    return shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")


def on_server_core(argv):
    return ["taskset", "-c", str(CORES[-1])] + argv if len(CORES) > 1 else argv


def on_client_core(argv):
    return ["taskset", "-c", str(CORES[0])] + argv if len(CORES) > 1 else argv


class Server:
    """nginx: plain, TLS, HTTP/2 in clear and over TLS; on one core."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {}
        www = os.path.join(folder, "www")
        os.mkdir(www)
        with open(os.path.join(www, "big"), "wb") as f:
            f.write(b"x" * (1 << 20))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers = ""
        for name, words in (("plain", ""), ("tls", "ssl"),
                            ("h2c", "http2"), ("h2", "ssl http2")):
            self.ports[name] = free_port()
            servers += """
  server {
    listen 127.0.0.1:%d %s backlog=4096;
    location / { return 200 "%s\\n"; }
    location /json { return 200 '{"id": "7f3a", "items": [1, 2, 3]}'; }
    location = /big { root %s; }
  }""" % (self.ports[name], words, BODY, www)
        conf = """worker_processes 1; daemon off; pid %(f)s/pid;
error_log %(f)s/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 9000; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600;
  sendfile on; ssl_certificate %(f)s/cert.pem;
  ssl_certificate_key %(f)s/key.pem;
  client_body_temp_path %(f)s/b; proxy_temp_path %(f)s/p;
  fastcgi_temp_path %(f)s/c; uwsgi_temp_path %(f)s/u; scgi_temp_path %(f)s/s;
%(servers)s
}""" % {"f": folder, "servers": servers}
        with open(os.path.join(folder, "nginx.conf"), "w") as f:
            f.write(conf)
        self.proc = subprocess.Popen(
            on_server_core([find("nginx"), "-c", folder + "/nginx.conf"]),
            stderr=subprocess.DEVNULL)
        for _ in range(100):
            if subprocess.run(["curl", "-s", "-o", "/dev/null",
                               self.url("plain")], check=False) \
                    .returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit("bench: nginx does not start, see " + folder)

    def url(self, name, path="/p"):
        scheme = "https" if name in ("tls", "h2") else "http"
        return "%s://127.0.0.1:%d%s" % (scheme, self.ports[name], path)

    def cpu_s(self):
        """CPU seconds of the worker so far."""
        pid = self.proc.pid
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            workers = f.read().split()
        ticks = 0
        for worker in workers:
            with open("/proc/%s/stat" % worker) as f:
                fields = f.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.proc.terminate()
        self.proc.wait()


class Comb:
    """tests/bench/comb.c: knows when each request arrived."""

    def __init__(self, build, at_s=0, ms=0):
        self.proc = subprocess.Popen(
            on_server_core([os.path.join(build, "comb"), str(at_s), str(ms)]),
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.proc.stdout.readline())
        self.url = "http://127.0.0.1:%d/p" % self.port

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        out = self.proc.communicate(timeout=30)[0]
        return {k: float(v) for k, v in
                (line.split() for line in out.splitlines())}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
