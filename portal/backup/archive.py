"""The archive: a tar file with a manifest, sealed by an HMAC, and the database; nothing else.

It is read header by header and not by `tarfile.open`: no name in it becomes a path, and no size in it memory or disk beyond what is
really there.
"""

import hashlib
import json
import tarfile
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from core import crypto, entropy

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "database"
LARGEST_MANIFEST = 1_000_000
PURPOSE = "backup"
_BLOCK, _CHUNK = tarfile.BLOCKSIZE, 1_000_000


class Unusable(Exception):  # noqa: N818  # it names what is so
    """An archive that cannot be made or restored; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database was like at that moment."""

    migrations: list[list[str]]
    audit_events: int
    audit_head: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the archive is, told before anything of it is used."""

    format: int
    product: str
    created_at: str
    engine: str
    keys: list[str]
    facts: Facts
    size: int
    sha256: str


def _mac_text(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(manifest: Manifest, database: Path, to: IO[bytes]) -> None:
    """Write the archive, front to back, so that it may be a pipe."""
    told = asdict(manifest)
    told["mac"] = crypto.mac(_mac_text(told), purpose=PURPOSE).hex()
    text = json.dumps(told, indent=1).encode()
    with tarfile.open(fileobj=to, mode="w|", format=tarfile.GNU_FORMAT) as tar, database.open("rb") as data:
        for name, size, content in ((MANIFEST, len(text), BytesIO(text)), (DATABASE, manifest.size, data)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = size, 0o600
            tar.addfile(info, content)


def _header(file: IO[bytes], name: str) -> int:
    """The size of the member that begins here, which must be the plain file of this name."""
    try:
        info = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise Unusable("This file is damaged, or is no backup of Gatehouse.") from error
    if info.type != tarfile.REGTYPE or info.name != name or info.size < 0:
        raise Unusable(f"This is no backup of Gatehouse: {info.name!r} stands where {name} should.")
    return info.size


def _skip_padding(file: IO[bytes], size: int) -> None:
    file.read(-size % _BLOCK)


def read_manifest(file: IO[bytes]) -> Manifest:
    """The manifest at the beginning of an archive, genuine and made with keys that are live here."""
    size = _header(file, MANIFEST)
    if size > LARGEST_MANIFEST:
        raise Unusable(f"The manifest of this archive claims {size} bytes; it is no backup of Gatehouse.")
    try:
        told: dict[str, Any] = json.loads(file.read(size))
        mac, version, keys = told.pop("mac"), told["format"], list(told["keys"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unusable("The manifest of this archive is damaged.") from error
    _skip_padding(file, size)
    if version != FORMAT:
        raise Unusable(
            f"This archive has format {version!r}; this version of Gatehouse reads format {FORMAT}."
        )
    missing = [key for key in keys if key not in crypto.live_key_ids()]
    if missing:
        raise Unusable(
            f"This archive needs the root keys {', '.join(map(str, missing))}, which are not in FIELD_KEYS. "
            "Put them behind the first one."
        )
    genuine = [entropy.same(str(mac), one.hex()) for one in crypto.macs(_mac_text(told), purpose=PURPOSE)]
    if not any(genuine):
        raise Unusable("The manifest was changed, or made with other root keys of the same names.")
    return Manifest(**told | {"facts": Facts(**told["facts"])})


def copy_database(manifest: Manifest, file: IO[bytes], to: Path) -> None:
    """Copy the database out of the archive, right behind its manifest; nothing but what the manifest promised comes out."""
    if _header(file, DATABASE) != manifest.size:
        raise Unusable("The archive is damaged: the database has not the size that the manifest says.")
    left, digest = manifest.size, hashlib.sha256()
    with to.open("xb") as target:
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            target.write(chunk)
            left -= len(chunk)
    if left:
        raise Unusable(f"The archive is cut off: {left} bytes of the database are missing.")
    if digest.hexdigest() != manifest.sha256:
        raise Unusable("The archive is damaged: the database has not the checksum that the manifest says.")
    _skip_padding(file, manifest.size)
    if file.read(tarfile.RECORDSIZE + 1).strip(b"\0"):
        raise Unusable("The archive holds more than a backup does.")
