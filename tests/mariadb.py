"""A real MariaDB server in a folder of its own, which refuses to run as root."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from actors import Process, free_port, wait_until


def unprivileged():
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class MariaDB(Process):
    """On a TCP port, with a password; kept over restarts. Close it at the end."""

    PASSWORD = "a password of the database"
    REFUSAL = "refuses this user or password"
    CA_OPTION = "?ssl-mode=VERIFY_IDENTITY&ssl-ca="

    def __init__(self, *settings):
        super().__init__()
        # pytest's folders are closed to other users, and a socket's path is short.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="e4-maria-"))
        self.port = free_port()
        self.settings = settings
        if os.geteuid() == 0:
            user = unprivileged()
            os.chown(self.folder, user["user"], user["group"])
        subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
                        "--auth-root-authentication-method=normal", "--skip-test-db"],
                       check=True, capture_output=True, **unprivileged())

    def certificate(self):
        """Where the server looks for it, and its key; nobody is let in without."""
        self.settings = (f"--ssl-cert={self.folder}/server.crt",
                         f"--ssl-key={self.folder}/server.key")
        return self.folder / "server.crt", self.folder / "server.key"

    def connections_over_tls(self):
        """All of this user are."""
        return int(self.sql("SELECT count(*) FROM information_schema.processlist"
                            " WHERE user = 'e4'"))

    def url(self, host="127.0.0.1", options=""):
        return f"mysql://e4@{host}:{self.port}/e4{options}"

    def start(self):
        args = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder}/data",
                f"--socket={self.folder}/socket", "--bind-address=127.0.0.1",
                f"--port={self.port}", *self.settings]
        with (self.folder / "log").open("ab") as log:
            self.spawn(args, stdout=log, stderr=log, cwd=self.folder, **unprivileged())
        wait_until(self.answers, 60, "mariadbd answers")
        return self

    def answers(self):
        assert self.running(), (self.folder / "log").read_text()[-2000:]
        try:
            self.sql("CREATE DATABASE IF NOT EXISTS e4; CREATE USER IF NOT EXISTS e4 IDENTIFIED BY"
                     f" '{self.PASSWORD}'{' REQUIRE SSL' if self.settings else ''}; GRANT ALL ON e4.* TO e4")
        except subprocess.CalledProcessError:
            return False
        return True

    def empty(self):
        self.sql("DROP DATABASE e4; CREATE DATABASE e4")

    def sealed_topics(self):
        """(hash, rev, key) of each, as hexadecimal or decimal."""
        rows = self.sql("SELECT hex(hash), rev, hex(`key`) FROM e4.topic")
        return [line.split("\t") for line in rows.splitlines()]

    def restart(self):
        self.stop(signal.SIGTERM, 60)
        self.start()

    def crash(self):
        self.stop(signal.SIGKILL, 60)

    def sql(self, text):
        return subprocess.run(["mariadb", "--no-defaults", "-N", "-B", "-u", "root", "-S",
                               self.folder / "socket", "-e", text],
                              check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        if self.running():
            self.stop(signal.SIGKILL, 60)
        shutil.rmtree(self.folder)
