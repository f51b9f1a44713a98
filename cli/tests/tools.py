"""The tools under test, and what they are given."""

import json
import secrets
import subprocess

from actors import C2CLI


class Cli:
    """c2cli against one server: run() gives the finished process, json() the answer."""

    def __init__(self, endpoint, *options, program=C2CLI):
        self.command = [program, "-e", endpoint, *map(str, options)]

    def run(self, *args, text=""):
        return subprocess.run([*self.command, *map(str, args)], input=text, timeout=60,
                              capture_output=True, text=True, check=False)

    def ok(self, *args, text=""):
        run = self.run(*args, text=text)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def json(self, *args, text=""):
        return json.loads(self.ok("--output", "json", *args, text=text))

    def enrol(self, folder, *names):
        """Clients with random symmetric keys in files."""
        for name in names:
            key = private_file(folder / f"{name}.key", secrets.token_bytes(32))
            self.ok("client", "create", "--name", name, "--key", key)


def private_file(path, content):
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
