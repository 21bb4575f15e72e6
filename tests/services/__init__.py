"""Real servers for tests: child processes on free ports, gone when the test is."""

import os
import random
import shutil
import socket

import pytest


def free_port() -> int:
    """A port on the loopback address that nobody listens on right now.

    It lies below those from which systems take the ports of outgoing connections: one of these could take it before the server does.
    """
    while True:
        port = random.randrange(11_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def needed(program: str, *, package: str) -> str:
    """The path of a program; without it the test is left out, or fails where every service is required."""
    if path := shutil.which(program):
        return path
    return missing(package)


def missing(package: str) -> str:
    """Leave the test out because this Debian package is not installed, or fail where every service is required."""
    if os.environ.get("GATEHOUSE_REQUIRE_SERVICES"):
        pytest.fail(f"the Debian package {package} is needed and not installed")
    pytest.skip(f"needs the Debian package {package}")
