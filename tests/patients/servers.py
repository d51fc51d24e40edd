"""Redis and PostgreSQL for the patients that need them: each on a free loopback
port, waited for, and stopped."""

import os
import shutil
import subprocess
import tempfile

import support


def redis_server(folder):
    """Redis, or None. Debian's redis-tools, which starts no daemon, has the
    server as well: the program acts by the name it is called by."""
    server = shutil.which("redis-server")
    other = shutil.which("redis-check-rdb")
    if server is None and other is not None:
        server = os.path.join(folder, "redis-server")
        os.symlink(other, server)
    return server


class Servers:
    """Redis and PostgreSQL, started when first asked for."""

    def __init__(self):
        self.started = []
        self.folder = tempfile.mkdtemp(prefix="plateau-servers-")
        self.redis_pid = None

    def redis(self):
        server = redis_server(self.folder)
        if server is None:
            return None
        port = support.free_port()
        s = support.Service([server, "--port", str(port), "--bind",
                             "127.0.0.1", "--save", "", "--appendonly", "no",
                             "--dir", self.folder])
        s.wait_line("Ready to accept connections")
        self.started.append(s)
        self.redis_pid = s.pid
        return "redis://127.0.0.1:%d/0" % port

    def postgres(self):
        found = [d for d in sorted(
            os.listdir("/usr/lib/postgresql"), reverse=True)] \
            if os.path.isdir("/usr/lib/postgresql") else []
        if not found:
            return None
        tools = "/usr/lib/postgresql/%s/bin" % found[0]
        data = os.path.join(self.folder, "pg")
        as_user = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            as_user = ["runuser", "-u", "postgres", "--"]
            os.chmod(self.folder, 0o755)
            os.mkdir(data)
            shutil.chown(data, "postgres")
        port = support.free_port()
        subprocess.run(as_user + [tools + "/initdb", "-D", data, "-A", "trust",
                                  "-U", "postgres"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        s = support.Service(as_user + [
            tools + "/postgres", "-D", data, "-p", str(port), "-c",
            "listen_addresses=127.0.0.1", "-c",
            "unix_socket_directories=", "-c", "fsync=off", "-c",
            "max_connections=300"], cwd="/")
        s.wait_line("ready to accept connections")
        self.started.append(s)
        return "postgresql+psycopg2://postgres@127.0.0.1:%d/postgres" % port

    def stop(self):
        for s in self.started:
            s.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
