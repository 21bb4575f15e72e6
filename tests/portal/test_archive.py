"""Archives that must not be restored: each is refused with its reason, before anything is touched."""

import fcntl
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from portal.backup import archive, sqlite
from portal.backup.archive import Manifest, Unusable

DATABASE = b"SQLite format 3\0" + bytes(range(256)) * 40
Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """An archive as `backup` writes it, but for what is said otherwise."""

    def made(**changes: Any) -> Path:
        database, file = tmp_path / "database", tmp_path / "archive"
        database.write_bytes(DATABASE)
        manifest = Manifest(
            format=1,
            product="0.1.0",
            created_at="2026-11-22T09:00:00+00:00",
            engine="sqlite",
            keys=["k1"],
            facts=archive.Facts(migrations=[["core", "0001_initial"]], audit_events=0, audit_head="0" * 64),
            size=len(DATABASE),
            sha256=archive.digest_of(database),
        )
        with file.open("wb") as out:
            archive.write(replace(manifest, **changes), database, out)
        return file

    return made


def restored(file: Path, to: Path) -> Manifest:
    with file.open("rb") as opened:
        manifest = archive.read_manifest(opened)
        archive.copy_database(manifest, opened, to)
    return manifest


def refusal(file: Path, to: Path) -> str:
    to.unlink(missing_ok=True)
    with pytest.raises(Unusable) as raised:
        restored(file, to)
    return str(raised.value)


def test_what_was_written_comes_out_again_and_any_tar_can_list_it(build: Build, tmp_path: Path) -> None:
    file, to = build(), tmp_path / "out"
    assert restored(file, to).engine == "sqlite"
    assert to.read_bytes() == DATABASE
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["manifest.json", "database"]


def test_no_flipped_byte_goes_unseen(build: Build, tmp_path: Path) -> None:
    """One in each header field, each stretch of the manifest and of the database; only the dates and owners of headers mean nothing."""
    whole = build().read_bytes()
    file, to = tmp_path / "flipped", tmp_path / "out"
    for at in [*range(0, 100, 7), *range(124, 136), 150, 156, *range(512, len(whole) - 8_000, 97)]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x04
        file.write_bytes(damaged)
        try:
            restored(file, to)
        except Unusable:
            pass
        else:
            # Padding behind the manifest alone is nobody's.
            assert whole[at] == 0, at
            assert to.read_bytes() == DATABASE
        to.unlink(missing_ok=True)


@pytest.mark.parametrize("left", [0, 100, 512, 900, 3_000, 9_000])
def test_an_archive_that_is_cut_off_is_refused(build: Build, tmp_path: Path, left: int) -> None:
    file = build()
    file.write_bytes(file.read_bytes()[:left])
    assert "damaged" in (said := refusal(file, tmp_path / "out")) or "cut off" in said


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "format 2"),
        ({"keys": ["k9", "k1"]}, "needs the root keys k9"),
        ({"sha256": "0" * 64}, "checksum"),
        ({"size": len(DATABASE) - 1}, "unexpected end of data|checksum|damaged"),
    ],
)
def test_what_the_manifest_says_must_be_so(
    build: Build, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    file = build(**changes)
    with pytest.raises(Unusable, match=reason):
        restored(file, tmp_path / "out")


def test_an_archive_made_with_another_key_of_the_same_name_is_refused(
    build: Build, tmp_path: Path, settings: Settings
) -> None:
    file = build()
    settings.FIELD_KEYS = "k1:" + "B" * 43
    assert "other root keys" in refusal(file, tmp_path / "out")
    settings.FIELD_KEYS = "k2:" + "B" * 43 + ",k1:" + "A" * 43
    assert restored(file, tmp_path / "again").keys == ["k1"]


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _info(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "manifest.json/../../escaped", "database"])
@pytest.mark.parametrize("is_first", [True, False])
def test_no_name_in_an_archive_becomes_a_path(
    build: Build, tmp_path: Path, name: str, is_first: bool
) -> None:
    file, to = build(), tmp_path / "out"
    with tarfile.open(file) as tar:
        opened = tar.extractfile("manifest.json")
        assert opened is not None
        manifest = opened.read()
    if is_first:
        file.write_bytes(_tar((_info(name, 3), b"abc")))
    elif name != "database":
        file.write_bytes(_tar((_info("manifest.json", len(manifest)), manifest), (_info(name, 3), b"abc")))
    else:
        file.write_bytes(
            _tar(
                (_info("manifest.json", len(manifest)), manifest),
                (_info(name, 0, tarfile.SYMTYPE, "/etc/passwd"), b""),
            )
        )
    before = sorted(tmp_path.rglob("*"))
    refusal(file, to)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/escaped").exists()


def test_a_size_that_is_only_claimed_costs_neither_memory_nor_disk(tmp_path: Path) -> None:
    file, to = tmp_path / "huge", tmp_path / "out"
    for info in (_info("manifest.json", 2**40), _info("manifest.json", 2**40, tarfile.XHDTYPE)):
        file.write_bytes(info.tobuf(tarfile.GNU_FORMAT))
        assert "no backup" in refusal(file, to)


def test_a_manifest_that_is_deeper_than_any_is_refused(tmp_path: Path) -> None:
    file, deep = tmp_path / "deep", b"[" * 500_000
    file.write_bytes(_tar((_info("manifest.json", len(deep)), deep)))
    assert "damaged" in refusal(file, tmp_path / "out")


def test_what_stands_behind_the_database_is_refused(build: Build, tmp_path: Path) -> None:
    file = build()
    file.write_bytes(file.read_bytes() + b"more")
    assert "more than a backup" in refusal(file, tmp_path / "out")


# --- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where a draft is asked for: that is the first thing that a restore writes."""
    monkeypatch.setattr(sqlite, "draft", lambda: pytest.fail("something was touched"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"engine": "postgresql"}, "a backup of postgresql, and DATABASE_URL names sqlite"),
        (
            {"facts": archive.Facts(migrations=[["core", "0099_later"]], audit_events=0, audit_head="")},
            r"newer version \(0.1.0, core.0099_later\)",
        ),
        ({}, "There are people in this database"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_touched(
    build: Build, ben: User, untouched: None, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CommandError, match=rf"{reason}.*Nothing was changed"):
        call_command("restore", build(**changes))


@pytest.mark.django_db
def test_nothing_is_restored_while_the_product_runs(build: Build, untouched: None) -> None:
    with (Path(configured.DATA_DIR) / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="`serve` runs on"):
            call_command("restore", build(), "--replace")


@pytest.mark.django_db
def test_a_database_that_was_damaged_before_it_was_backed_up_is_refused(build: Build) -> None:
    with pytest.raises(CommandError, match=r"Nothing was changed"):
        call_command("restore", build(), "--replace")
    assert not sqlite.draft().exists()


@pytest.mark.django_db
def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", file)
    assert file.read_text() == "mine"
