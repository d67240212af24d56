# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of our own: in a folder of its own, on a socket in that folder, gone when we are done."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import urllib.parse

PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/usr/bin"))
PATIENCE = 60


def _unprivileged():
    """The prefix of commands, and who owns the folder: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return [], None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return (["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"],
            (user.pw_uid, user.pw_gid))


class PostgreSQL:
    """A cluster with one database; each test has a schema of its own in it. With `durable` a commit
    is on the medium, as in production; tests do not pull the plug of the machine."""

    def __init__(self, durable=False, options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="swb-pg-"))
        self.prefix, owner = _unprivileged()
        if owner:
            os.chown(self.folder, *owner)
        self.options = [f"-c fsync={'on' if durable else 'off'}", "-c listen_addresses=",
                        f"-c unix_socket_directories={self.folder}", "-c max_connections=100",
                        "-c shared_buffers=32MB", *(f"-c {option}" for option in options)]
        self.n = 0
        self._run("initdb", "--auth=trust", "--username=swb", "--encoding=UTF8", "--locale=C", "--no-sync",
                  "--no-instructions", "-D", self.folder / "data")
        self.start()
        self.sql("CREATE DATABASE swb", database="postgres")

    def _run(self, program, *args):
        # Its own log: the server inherits what it is started with, and would keep a pipe open.
        with open(self.folder / "log", "ab") as log:
            result = subprocess.run([*self.prefix, PROGRAMS / program, *map(str, args)], stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, timeout=PATIENCE, check=False, cwd=self.folder)
        assert result.returncode == 0, (self.folder / "log").read_text()

    def start(self):
        self._run("pg_ctl", "start", "-w", "-t", PATIENCE, "-D", self.folder / "data", "-l", self.folder / "log2",
                  "-o", " ".join(self.options))

    def stop(self, mode="immediate"):
        self._run("pg_ctl", "stop", "-w", "-t", PATIENCE, "-m", mode, "-D", self.folder / "data")

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def psql(self, database="swb", schema="public"):
        """The command that asks the database."""
        return [PROGRAMS / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                f"host={self.folder} user=swb dbname={database} options=-csearch_path={schema}"]

    def sql(self, text, database="swb", schema="public"):
        """Rows as text, one a line, columns with | between."""
        result = subprocess.run([*self.psql(database, schema), "-c", text], capture_output=True, text=True,
                                timeout=PATIENCE, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def url(self, schema="public"):
        """For --store."""
        host = urllib.parse.quote(str(self.folder), safe="")
        path = f"&options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://swb@/swb?host={host}{path}"

    def new_schema(self):
        self.n += 1
        self.sql(f"CREATE SCHEMA t{self.n}")
        return f"t{self.n}"
