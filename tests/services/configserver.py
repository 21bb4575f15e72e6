"""A remote Configuration Server: `manage.py configserver` in a process of its own, on the database of the test at hand."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils import timezone

from configserver.services import admit_portal
from core.outcomes import Denied
from tests.journeys.stage import configure
from tests.services import database, free_port
from tests.services.certificates import Certificate
from tests.services.processes import Running, descendants, freeze, thaw

ROOT = Path(__file__).parents[2]


class ConfigServer(Running):
    """One server, which can be killed, hung and started again on its port."""

    def __init__(self, folder: Path, certificate: Certificate) -> None:
        self.folder, self.certificate, self.port = folder, certificate, free_port()
        self.start()

    @property
    def url(self) -> str:
        """Where portals ask it."""
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        """What it printed so far."""
        return (self.folder / f"{self.port}.log").read_text()

    def start(self) -> None:
        """Start, and wait until it serves."""
        arguments = ["--port", str(self.port), "--host", "localhost", "--workers", "1"]
        files = ["--cert", self.certificate.certificate, "--key", self.certificate.key]
        environment = database.environment() | {
            "DJANGO_SETTINGS_MODULE": "tests.served",
            "DATA_DIR": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "line",
        }
        with Path(self.folder, f"{self.port}.log").open("w") as log:
            self._server = subprocess.Popen(
                [sys.executable, "manage.py", "configserver", *arguments, *files],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while "Ctrl-C stops it" not in self.log:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the Configuration Server did not start:\n{self.log}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it and all that it started, without warning."""
        below = descendants(self._server.pid)
        super().kill()
        for pid in below:
            subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Meanwhile its machine takes connections, and nothing is answered."""
        stopped = freeze(self._server.pid, *descendants(self._server.pid))
        try:
            yield
        finally:
            thaw(stopped)


@dataclass
class Remote:
    """One or two servers, and how a portal is admitted to them."""

    servers: list[ConfigServer]

    def use(self, **more: Any) -> None:
        """Admit this portal, and have its settings name them."""
        made = admit_portal("the portal of the tests", now=timezone.now())
        assert not isinstance(made, Denied), made
        portal, password = made
        urls = [one.url for one in self.servers]
        given = {
            "PrimaryUrl": urls[0],
            "BackupUrl": urls[1] if len(urls) > 1 else "",
            "ApplicationName": portal.application,
            "Username": portal.username,
            "Password": password,
            "CaFile": str(self.servers[0].certificate.authority),
        } | more
        configure(**{f"GenesysSDK__ConfigServerLogin__{name}": value for name, value in given.items()})


@contextmanager
def config_servers(number: int = 1) -> Iterator[Remote]:
    """So many servers with a certificate for localhost."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-configserver-"))
    servers: list[ConfigServer] = []
    try:
        certificate = Certificate.make(folder)
        while len(servers) < number:
            servers.append(ConfigServer(folder, certificate))
        yield Remote(servers)
    finally:
        for one in servers:
            if one.is_up:
                one.kill()
        shutil.rmtree(folder, ignore_errors=True)
