"""The root keys of a one-machine installation: made once, kept in `DATA_DIR/keys.env`, readable by their owner alone.

Standard library only: it runs before anything is configured. Values in the environment stand above this file.
"""

import base64
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

FILE = "keys.env"


def ensure(data_dir: Path) -> Path:
    """Make the data directory (0700) and its keys file (0600) unless they exist; of two at once, one wins whole."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = data_dir / FILE
    if target.exists():
        return target
    descriptor, name = tempfile.mkstemp(prefix=f".{FILE}.", dir=data_dir)  # O_EXCL, 0600
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_fresh())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, target)  # fails where another start was first: its keys stand
        except FileExistsError:
            return target
    finally:
        draft.unlink()
    _sync_directory(data_dir)
    return target


def read(data_dir: Path) -> dict[str, str]:
    """The values of the keys file by name; empty when there is none. Raises PermissionError when others may read it."""
    path = data_dir / FILE
    try:
        with path.open(encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise PermissionError(f"{path} holds the root keys, yet others may read it: chmod 600 {path}")
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _fresh() -> str:
    field_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return (
        "# Gatehouse root keys. Keep a copy apart from the backup: without FIELD_KEYS sealed secrets cannot be opened.\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"FIELD_KEYS=k1:{field_key}\n"
    )


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the folder: python -m portal.keys DATA_DIR")
    try:
        ensure(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(f"DATA_DIR cannot be used: {error.strerror} ({error.filename}).")
