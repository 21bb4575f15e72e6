"""The whole product as its own process tree: `manage.py serve` on a free port, with a data directory of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.services import free_port
from tests.services.processes import children

ROOT = Path(__file__).parents[2]


@dataclass
class Product:
    """A running product."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The password of the demo people."""
        return (self.folder / "demo-password.txt").read_text().strip()

    @property
    def log(self) -> str:
        """What it printed so far."""
        return (self.folder / "serve.log").read_text()

    def ask(
        self, path: str, body: dict[str, Any] | None = None, *, token: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """POST as JSON, or GET without a body, as the bearer of a token if one is given; status and answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        request = Request(self.url + path, data=data, headers=headers)  # noqa: S310
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"{}")
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def mails(self) -> list[Path]:
        """The files of its outbox, oldest first."""
        return sorted((self.folder / "outbox").glob("*.eml"))

    def children(self) -> list[int]:
        """The process ids of its services, oldest first."""
        return children(self.process.pid)


@contextmanager
def running_product(folder: Path, **environment: str) -> Iterator[Product]:
    """The product with its demo people, up and answering."""
    subprocess.run([sys.executable, "-m", "portal.keys", folder], cwd=ROOT, check=True)
    with launched(folder, **{"DEMO": "1", **environment}) as product:
        wait_until_up(product)
        try:
            urlopen(f"{product.url}/livez", timeout=10)  # noqa: S310
        except URLError as error:
            raise RuntimeError(f"the product does not answer:\n{product.log}") from error
        yield product


@contextmanager
def launched(folder: Path, *arguments: str, **environment: str) -> Iterator[Product]:
    """`manage.py serve` with these arguments, just begun; it ends with the context."""
    port = int(environment.get("PORT") or free_port())
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "FIELD_KEYS", "DATABASE_URL"}
    }
    settings = {
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", *arguments],
            cwd=ROOT,
            env=clean | settings | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield Product(process=process, port=port, folder=folder)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_up(product: Product) -> None:
    """Wait until every service was started."""
    deadline = time.monotonic() + 60
    while "Ctrl-C stops everything" not in product.log:
        if product.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the product did not start:\n{product.log}")
        time.sleep(0.05)
