"""Second factors and remembered devices over REST: one's own, and those of people in reach."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from tests.admin.test_factors import equip
from tests.cast import Api, Call
from twofactor.models import Factor

pytestmark = pytest.mark.django_db


def test_the_own_factors_are_listed_with_the_fixed_names(api: Call, ben: User) -> None:
    equip(ben)
    answer = api(ben).get("me/factors/")
    assert answer.status_code == 200
    email, app, paper = answer.json()
    assert set(email) == {
        "id",
        "kind",
        "name",
        "label",
        "preferred",
        "created_at",
        "confirmed_at",
        "last_used_at",
    }
    assert (email["kind"], email["label"]) == ("email", "b•••@acme.example")
    assert (app["kind"], app["name"], app["label"]) == ("totp", "work phone", "")
    assert paper["codes_left"] == 2


def test_an_app_is_begun_by_a_key_and_put_in_force_by_a_code(api: Call, ben: User) -> None:
    program = api(ben)
    answer = program.post(
        "me/factors/", {"kind": "totp", "name": "phone", "algorithm": "SHA256", "digits": 8}
    )
    assert answer.status_code == 200
    begun = answer.json()
    assert begun["confirmed_at"] is None
    assert f"secret={begun['secret']}" in begun["otpauth_url"]
    assert "algorithm=SHA256" in begun["otpauth_url"]
    wrong = program.post(f"me/factors/{begun['id']}/confirm/", {"code": "00000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "try_again")
    assert Factor.objects.get().confirmed_at is None


def test_a_passkey_is_begun_elsewhere(api: Call, ben: User) -> None:
    answer = api(ben).post("me/factors/", {"kind": "passkey"})
    assert answer.status_code == 400
    assert not Factor.objects.exists()


def test_the_own_devices_are_listed_and_forgotten(api: Call, ben: User) -> None:
    equip(ben)
    program = api(ben)
    (one,) = program.get("me/devices/").json()
    assert set(one) == {"id", "user_agent", "address", "first_seen_at", "last_seen_at", "remembered_until"}
    assert program.delete(f"me/devices/{one['id']}/").status_code == 204
    assert program.get("me/devices/").json() == []


def test_somebody_elses_device_is_not_there(api: Call, ben: User, cleo: User) -> None:
    equip(cleo)
    theirs = cleo.browsers.get()
    assert api(ben).delete(f"me/devices/{theirs.uid}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.remembered_until is not None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "me/factors/", {"kind": "totp"}),
        ("post", "me/factors/", {"kind": "email"}),
        ("post", "me/factors/", {"kind": "recovery"}),
        ("patch", "me/factors/{id}/", {"name": "x"}),
        ("delete", "me/factors/{id}/", None),
        ("post", "me/factors/{id}/confirm/", {"code": "123456"}),
    ],
)
def test_every_change_wants_a_recent_confirmation(
    api: Call, ben: User, method: str, path: str, body: object
) -> None:
    equip(ben)
    program: Api = api(ben)
    ben.sessions.update(confirmed_at=timezone.now() - timedelta(minutes=11))
    address = path.format(id=Factor.objects.filter(user=ben).first().uid)
    answer = getattr(program, method)(address, *([] if body is None else [body]))
    assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first")
    assert Factor.objects.filter(user=ben, name="").count() == 2


def test_an_administrator_reads_and_resets(api: Call, ada: User, ben: User) -> None:
    equip(ben)
    program = api(ada)
    assert [one["kind"] for one in program.get(f"users/{ben.uid}/factors/").json()] == [
        "email",
        "totp",
        "recovery",
    ]
    assert len(program.get(f"users/{ben.uid}/devices/").json()) == 1
    assert program.post(f"users/{ben.uid}/forget-devices/").status_code == 204
    assert program.get(f"users/{ben.uid}/devices/").json() == []
    again = program.post(f"users/{ben.uid}/forget-devices/")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_changed")
    assert program.post(f"users/{ben.uid}/reset-factors/", {}).status_code == 400
    assert program.post(f"users/{ben.uid}/reset-factors/", {"reason": "lost phone"}).status_code == 204
    assert program.get(f"users/{ben.uid}/factors/").json() == []
    again = program.post(f"users/{ben.uid}/reset-factors/", {"reason": "lost phone"})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_changed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "factors"),
        ("post", "reset-factors"),
        ("get", "devices"),
        ("post", "forget-devices"),
    ],
)
def test_out_of_reach_is_404_and_without_the_privilege_403(
    api: Call, ada: User, ben: User, cleo: User, method: str, path: str
) -> None:
    equip(cleo)
    body = [{"reason": "x"}] if path == "reset-factors" else []
    assert getattr(api(ada), method)(f"users/{cleo.uid}/{path}/", *body).status_code == 404
    assert getattr(api(ben), method)(f"users/{cleo.uid}/{path}/", *body).status_code == 404
    assert Factor.objects.filter(user=cleo).count() == 3


def test_who_stands_above_is_refused_and_oneself_too(api: Call, ada: User, root: User) -> None:
    User.objects.filter(pk=root.pk).update(company=ada.company)
    root.refresh_from_db()
    equip(root)
    program = api(ada)
    for path, body in (("reset-factors", {"reason": "x"}), ("forget-devices", {})):
        answer = program.post(f"users/{root.uid}/{path}/", body)
        assert answer.status_code == 403, answer.content
    equip(ada)
    answer = program.post(f"users/{ada.uid}/reset-factors/", {"reason": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")
    assert Factor.objects.count() == 6
