"""A real PostgreSQL server in a folder of its own, which refuses to run as root."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from actors import Process, free_port, wait_until

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]


def unprivileged():
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Postgres(Process):
    """On a TCP port, with a password; kept over restarts. Close it at the end."""

    PASSWORD = "a password of the database"
    REFUSAL = "password authentication failed"
    CA_OPTION = "?sslmode=verify-full&sslrootcert="

    def __init__(self, *settings):
        super().__init__()
        # pytest's folders are closed to other users, and a socket's path is short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="e4-pg-"))
        self.port = free_port()
        self.settings = settings
        password = self.folder / "password"
        password.write_text(self.PASSWORD + "\n")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            shutil.chown(password, "postgres")
        password.chmod(0o600)
        subprocess.run([PROGRAMS / "initdb", "-D", self.folder / "data", "-U", "e4", "--no-sync",
                        "-A", "scram-sha-256", f"--pwfile={password}", "--encoding=UTF8",
                        "--locale=C.UTF-8"], check=True, capture_output=True, **unprivileged())

    def certificate(self):
        """Where the server looks for it, and its key."""
        self.settings = ("-c", "ssl=on")
        return self.folder / "data" / "server.crt", self.folder / "data" / "server.key"

    def connections_over_tls(self):
        return int(self.sql("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                            " WHERE ssl AND application_name = 'c2'"))

    def url(self, host="127.0.0.1", options=""):
        return f"postgres://e4@{host}:{self.port}/postgres{options}"

    def start(self):
        args = [PROGRAMS / "postgres", "-D", self.folder / "data", "-k", self.folder,
                "-p", self.port, "-c", "listen_addresses=127.0.0.1", *self.settings]
        with (self.folder / "log").open("ab") as log:
            self.spawn(args, stdout=log, stderr=log, cwd=self.folder, **unprivileged())
        wait_until(self.answers, 60, "postgres answers")
        return self

    def answers(self):
        assert self.running(), (self.folder / "log").read_text()[-2000:]
        return subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                               str(self.port)]).returncode == 0

    def empty(self):
        self.sql("DROP SCHEMA IF EXISTS e4 CASCADE")

    def sealed_topics(self):
        """(hash, rev, key) of each, as hexadecimal or decimal."""
        rows = self.sql("SELECT encode(hash, 'hex'), rev, encode(key, 'hex') FROM e4.topic")
        return [line.split("|") for line in rows.splitlines()]

    def restart(self):
        """Sessions are ended, as by an administrator."""
        self.stop(signal.SIGINT, 60)
        self.start()

    def crash(self):
        self.stop(signal.SIGQUIT, 60)

    def sql(self, text):
        return subprocess.run([PROGRAMS / "psql", "-X", "-q", "-t", "-A", "-h", "127.0.0.1", "-p",
                               str(self.port), "-U", "e4", "-d", "postgres", "-c", text],
                              check=True, capture_output=True, text=True,
                              env={**os.environ, "PGPASSWORD": self.PASSWORD}).stdout.strip()

    def close(self):
        if self.running():
            self.stop(signal.SIGQUIT, 60)
        shutil.rmtree(self.folder)
