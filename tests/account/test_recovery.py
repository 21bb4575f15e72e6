"""Recovery codes: ten, shown once, each good once."""

import re
from urllib.parse import unquote

import pytest
from django.core.management import call_command

from accounts.models import User
from tests.account.apps import recovery_codes, set_up
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time
from tests.parallel import in_parallel
from twofactor.methods.recovery import normal
from twofactor.models import Factor, RecoveryCode

pytestmark = pytest.mark.django_db
BEN = "ben@acme.example"


def with_codes(door: Door) -> list[str]:
    sign_in(door, BEN, PASSWORD)
    set_up(door)
    return recovery_codes(door)


def choose(door: Door) -> None:
    """Sign in and choose the way of the paper."""
    said = sign_in(door, BEN, PASSWORD)
    if said.step == "method":
        door.take("method", method="recovery")


def test_ten_are_made_and_each_is_different(door: Door, ben: User, post: Post) -> None:
    codes = with_codes(door)
    assert len(set(codes)) == 10
    assert "turned on for your account: Recovery code" in post.newest(BEN)
    ben.refresh_from_db()
    assert ben.factor_kinds == ",recovery,totp,"


def test_they_are_shown_once_and_kept_as_hashes(door: Door, ben: User) -> None:
    codes = with_codes(door)
    rows = RecoveryCode.objects.all()
    assert rows.count() == 10
    assert not {one.hash for one in rows} & {*codes, *map(normal, codes)}
    if isinstance(door, ApiDoor):
        door.get("/api/v1/me/factors/")
        shown = door.answer.content.decode()
        assert '"codes_left":10' in shown.replace(" ", "")
    else:
        assert isinstance(door, WebDoor)
        assert door.answer["Cache-Control"] == "no-store"
        shown = door.open("/account/security/").text + door.open("/account/security/recovery/").text
        assert "10 of 10 left" in shown
    assert not any(code in shown for code in codes)


def test_without_another_factor_there_is_nothing_to_spare(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    assert recovery_codes(door) == []
    assert not Factor.objects.exists()


def test_new_ones_make_the_old_ones_worthless(door: Door, ben: User) -> None:
    old = with_codes(door)
    new = recovery_codes(door)
    assert len(new) == 10
    assert not set(old) & set(new)
    other = door.stranger()
    choose(other)
    assert other.take("code", code=old[0]).refused
    assert other.take("code", code=new[0]).step == "done"


def test_the_page_holds_the_file_and_no_second_request_is_needed(web: WebDoor, ben: User) -> None:
    codes = with_codes(web)
    html = web.answer.content.decode()
    found = re.search(r'href="(data:text/plain[^"]+)" download="([^"]+)"', html)
    assert found is not None
    text = unquote(found[1])
    assert all(f"{code}\r\n" in text for code in codes)
    assert BEN in text
    assert found[2].endswith(".txt")


def test_the_page_warns_when_few_are_left(web: WebDoor, ben: User, clock: Time) -> None:
    with_codes(web)
    rows = list(RecoveryCode.objects.all())
    for row in rows[:6]:
        row.used_at = clock()
        row.save()
    page = web.open("/account/security/")
    assert "4 of 10 left" in page.text
    assert "recovery codes are left" not in page.text
    rows[6].used_at = clock()
    rows[6].save()
    assert "3 recovery codes are left" in web.open("/account/security/").text


def test_they_go_with_the_last_other_factor(api: ApiDoor, ben: User) -> None:
    with_codes(api)
    app = Factor.objects.get(kind="totp")
    api.client.delete(f"/api/v1/me/factors/{app.uid}/", HTTP_AUTHORIZATION=f"Bearer {api.access}")
    assert not Factor.objects.exists()
    ben.refresh_from_db()
    assert ben.factor_kinds == ""


def test_making_them_needs_a_recent_confirmation(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    app = set_up(web)
    clock.forward(minutes=11)
    assert recovery_codes(web) == []
    assert not RecoveryCode.objects.exists()
    assert web.said().step == "password"
    web.take("password", password=PASSWORD)
    web.take("code", code=app.code())
    assert web.address == "/account/security/recovery/"  # where it was


def test_a_backup_holds_no_code(door: Door, ben: User, capsys: pytest.CaptureFixture[str]) -> None:
    codes = with_codes(door)
    call_command("dumpdata", "twofactor", verbosity=0)
    dumped = capsys.readouterr().out
    assert "twofactor.recoverycode" in dumped
    assert not any(code in dumped or normal(code) in dumped for code in codes)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_one_code_used_ten_times_at_once_lets_one_in(api: ApiDoor, ben: User) -> None:
    codes = with_codes(api)
    doors = [api.stranger() for _ in range(10)]
    for door in doors:
        choose(door)
    steps = list[str]()
    in_parallel(10, lambda number: steps.append(doors[number].take("code", code=codes[3]).step))
    assert steps.count("done") == 1
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


def test_the_page_that_showed_them_loaded_again_makes_no_new_ones(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    set_up(web)
    form = next(one for one in web.open("/account/security/recovery/").forms if "replaces" in one.action)
    web.send(form)
    kept = sorted(RecoveryCode.objects.values_list("hash", flat=True))
    assert len(kept) == 10
    web.send(form)
    assert "were made a moment ago" in web.page.text
    assert sorted(RecoveryCode.objects.values_list("hash", flat=True)) == kept
