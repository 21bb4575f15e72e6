"""The published agent client (npm: cobrowse-agent-sdk), installed by name and run as it is under Node."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.services import missing

HERE = Path(__file__).resolve().parent.parent / "cobrowse" / "sdk"
CACHE = Path(__file__).resolve().parent.parent.parent / "var" / "cache"


def installed() -> Path:
    """The folder with the client and its driver, made once for each lock file."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        missing("npm")
    name = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = CACHE / f"agent-sdk-{name}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for one in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / one, folder / one)
        run = [
            "npm",
            "install",
            "--no-save",
            "--ignore-scripts",
            "--omit=optional",
            "--no-audit",
            "--no-fund",
        ]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.fail(f"npm ci failed: {done.stderr[-2000:]}")
        (folder / "installed").touch()
    shutil.copy(HERE / "drive.mjs", folder / "drive.mjs")
    return folder


class AgentSdk:
    """The client, speaking with the server at this address."""

    def __init__(self, api: str) -> None:
        self._node = subprocess.Popen(
            ["node", "drive.mjs", api],
            cwd=installed(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, call: str, *args: Any, **more: Any) -> Any:
        """What a call of the client gave; an `SdkError` for what it threw."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"call": call, "args": args, **more}) + "\n")
        self._node.stdin.flush()
        said = json.loads(self._node.stdout.readline())
        if "error" in said:
            raise SdkError(**said["error"])
        return said["value"]

    def close(self) -> None:
        """End it."""
        self._node.terminate()
        self._node.wait(timeout=10)


class SdkError(Exception):
    """What the client threw."""

    def __init__(self, *, name: str, id: str | None, status: int | str | None, message: str) -> None:
        super().__init__(message)
        self.name, self.id, self.status, self.message = name, id, status, message
