"""`manage.py reseal`: everything that can be is brought under the new key, whatever happens meanwhile."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.verify import verify
from core import reseal as work
from core.crypto import Cipher, Sealed
from core.models import IdempotentAnswer
from core.sealed import seal, sealed_fields, unseal
from tests import cast
from tests.journeys.doors import ApiDoor
from tests.services.database import environment

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ONE, TWO = "k1:" + "A" * 43, "k2:" + "B" * 43
BOTH = f"{TWO},{ONE}"
Out = pytest.CaptureFixture[str]


def keep(number: int) -> None:
    """So many sealed values under the key that is active."""
    rows = [
        IdempotentAnswer(key=f"{index:064}", request="b" * 64, created_at=timezone.now())
        for index in range(number)
    ]
    for row in rows:
        row.answer = seal(row, "answer", row.key.encode())
    IdempotentAnswer.objects.bulk_create(rows)


def under() -> dict[str, int]:
    """How many values stand under each key; each still opens."""
    found: dict[str, int] = {}
    for row in IdempotentAnswer.objects.all():
        assert unseal(row, "answer") == row.key.encode()
        found[row.answer.key_id] = found.get(row.answer.key_id, 0) + 1
    return found


def test_every_value_is_sealed_anew_and_the_old_key_can_go(settings: Settings, capsys: Out) -> None:
    settings.FIELD_KEYS = ONE
    keep(450)
    settings.FIELD_KEYS = BOTH
    call_command("reseal", "--dry-run")
    assert under() == {"k1": 450}
    assert "k1: still needed" in capsys.readouterr().out
    call_command("reseal")
    said = capsys.readouterr().out
    assert "core.IdempotentAnswer.answer: 200 of 450 sealed anew" in said
    assert "core.IdempotentAnswer.answer: 450 of 450 sealed anew" in said
    assert "login.Attempt.name: 0 of 0" in said
    settings.FIELD_KEYS = TWO
    assert under() == {"k2": 450}


def test_a_key_whose_name_differs_in_case_alone_is_another_key(settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    keep(3)
    settings.FIELD_KEYS = f"K1:{'B' * 43},{ONE}"
    call_command("reseal")
    assert under() == {"K1": 3}


def test_a_value_written_meanwhile_wins(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.FIELD_KEYS = ONE
    keep(3)
    settings.FIELD_KEYS = BOTH
    [column] = [one for one in sealed_fields() if one.model is IdempotentAnswer]
    sealing = work.crypto.seal

    def seal_late(plain: bytes, *, purpose: str, uid: str, cipher: Cipher) -> Sealed:
        if uid.endswith("1"):
            newer = sealing(b"newer", purpose=purpose, uid=uid)
            IdempotentAnswer.objects.filter(key=uid).update(answer=newer)
        return sealing(plain, purpose=purpose, uid=uid, cipher=cipher)

    monkeypatch.setattr(work.crypto, "seal", seal_late)
    [told] = list(work.reseal(column))
    assert told.resealed == 2
    assert unseal(IdempotentAnswer.objects.get(key=f"{1:064}"), "answer") == b"newer"


def test_what_does_not_open_is_named_and_the_rest_goes_on(settings: Settings, capsys: Out) -> None:
    settings.FIELD_KEYS = f"k0:{'C' * 43}"
    keep(1)
    settings.FIELD_KEYS = ONE
    row = IdempotentAnswer(key="d" * 64, request="b" * 64, created_at=timezone.now())
    row.answer = seal(row, "answer", row.key.encode())
    row.save(force_insert=True)
    settings.FIELD_KEYS = BOTH
    with pytest.raises(CommandError, match=r"row 0{64}: No key 'k0' in FIELD_KEYS") as raised:
        call_command("reseal")
    assert raised.value.returncode == 1
    assert IdempotentAnswer.objects.get(key="d" * 64).answer.key_id == "k2"
    assert "k1: still needed" in capsys.readouterr().out


def test_it_says_when_the_old_key_can_go_without_ending_a_session(
    ada: User, settings: Settings, capsys: Out
) -> None:
    settings.FIELD_KEYS = ONE
    cast.browser(ada)
    program = cast.Api(ada)
    settings.FIELD_KEYS = BOTH
    call_command("reseal")
    said = capsys.readouterr().out
    until = f"{timezone.now() + timedelta(hours=12):%Y-%m-%d %H}"
    assert "made under k1: 1 sessions of browsers" in said
    assert "made under k1: 1 sessions of programs" in said
    assert f"k1 can be removed after {until}" in said
    assert program.get("me/").status_code == 200
    cast.browser(ada)  # another one, under the new key
    call_command("reseal")
    assert "made under k1: 1 sessions of browsers" in capsys.readouterr().out
    settings.FIELD_KEYS = TWO
    assert verify().broken_at is None


def test_a_sign_in_begun_before_the_rotation_is_held_by_what_is_counted_after_it(
    ben: User, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.filter(pk=ben.pk).update(password=make_password("a lantern in the harbour 7"))
    settings.FIELD_KEYS = ONE
    before, after = ApiDoor(), ApiDoor()
    before.begin(ben.username)
    settings.FIELD_KEYS = BOTH
    after.begin(ben.username)
    for _ in range(11):
        after.take("password", password="wrong")
    assert before.take("password", password="a lantern in the harbour 7").status == 429


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_is_run_again(settings: Settings) -> None:
    settings.FIELD_KEYS = ONE
    keep(2_000)
    command = [sys.executable, "manage.py", "reseal"]
    options = {"cwd": Path(__file__).parents[2], "env": environment() | {"FIELD_KEYS": BOTH}}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("core.IdempotentAnswer.answer: 400 of"):
            running.send_signal(signal.SIGKILL)
            break
    running.wait()
    settings.FIELD_KEYS = BOTH
    middle = under()
    assert set(middle) == {"k1", "k2"}
    again = subprocess.run(command, capture_output=True, text=True, check=True, **options)  # type: ignore[call-overload]
    assert f"of {middle['k1']} sealed anew" in again.stdout
    assert under() == {"k2": 2_000}
