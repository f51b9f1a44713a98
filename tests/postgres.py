"""A PostgreSQL server of a test's own."""

import glob
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from actors import Process, wait_until


class Postgres(Process):
    """On a Unix socket in a temporary folder, as a user that is not root (initdb insists)."""

    def __init__(self):
        super().__init__()
        self.bin = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="e4-pg-"))
        user = pwd.getpwnam("postgres")
        shutil.chown(self.folder, user.pw_uid, user.pw_gid)
        self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                        "--clear-groups"]

    def start(self):
        subprocess.run([*self.as_user, self.bin / "initdb", "-D", self.folder / "data", "-U", "e4",
                        "-A", "trust", "-E", "UTF8", "--no-sync"], check=True, cwd="/",
                       stdout=subprocess.DEVNULL)
        self.spawn([*self.as_user, self.bin / "postgres", "-D", self.folder / "data", "-k",
                    self.folder, "-c", "listen_addresses="], cwd="/",
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: subprocess.run([self.bin / "pg_isready", "-h", self.folder, "-q"],
                                          check=False).returncode == 0, what="PostgreSQL is up")
        return self

    def create(self, name):
        """A database; its URL."""
        self.sql("postgres", f"CREATE DATABASE {name}")
        return f"postgres://e4@/{name}?host={self.folder}"

    def sql(self, database, text):
        done = subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "e4", "-d", database,
                               "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", text], check=True,
                              capture_output=True, text=True)
        return done.stdout.splitlines()

    def kill(self):
        if self.child:
            self.stop(2, timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)
