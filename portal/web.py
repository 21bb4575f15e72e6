"""The HTTP server of `manage.py serve` and `manage.py configserver`: granian, with our application in a few threads."""

import http.client
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from core import logs
from portal.supervisor import end_with_parent

READY_SECONDS = 30.0
DATABASE_SECONDS = 10.0  # no page or call of the API waits longer for one statement


def serve(
    bind: str,
    port: int,
    workers: int,
    *,
    name: str = "web",
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve until told to stop; with a certificate over TLS alone."""
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.log import LogLevels
    from granian.server import Server

    name_process(name)
    server = Server(
        "portal.asgi:application",
        address=bind,
        port=port,
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,  # not whichever happens to be installed
        http=HTTPModes.http1,
        workers=workers,
        websockets=False,
        log_level=LogLevels.error,
        # To the root logger, as everybody else.
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {}}},
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        ssl_cert=certificate,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.serve(target_loader=_load_application, wrap_loader=False)


def _load_application() -> Callable[..., Any]:
    end_with_parent()
    from portal.asgi import application, threads
    from portal.metrics import begin_pulse

    if connection.vendor == "postgresql":
        from core.postgres.base import wait_at_most  # loads a client that SQLite does without

        wait_at_most(DATABASE_SECONDS)
    begin_pulse(lambda: threads.busy)
    return application


def name_process(service: str) -> None:
    """Say in logs, and to PostgreSQL, what this process is."""
    logs.in_service(service)
    os.environ.setdefault("PGAPPNAME", f"gatehouse {service}")  # so that pg_stat_activity tells them apart


def answers(bind: str, port: int, *, tls: bool = False) -> bool:
    """Whether it takes requests. Of the certificate nothing is asked: it is our own process."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104
    door = http.client.HTTPConnection(host, port, timeout=5)
    if tls:
        door = http.client.HTTPSConnection(host, port, timeout=5, context=ssl._create_unverified_context())  # noqa: S323
    try:
        door.request("GET", "/livez", headers={"Host": settings.ALLOWED_HOSTS[0]})
        return door.getresponse().status < 500
    except OSError:
        return False
    finally:
        door.close()


def refuse_taken_port(bind: str, port: int, *, choose: str = "PORT=8001") -> None:
    """Raises CommandError when nobody can listen there."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {bind} cannot be used ({error.strerror}). Choose another: {choose}"
            ) from error
