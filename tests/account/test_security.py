"""Own second factors and own password."""

import json
from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from tests.account.apps import begin, recovery_codes, set_up
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.parallel import in_parallel
from twofactor.models import Factor

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"


def turn_on(door: Door) -> None:
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/factors/", {"kind": "email"}, bearer=door.access)
    else:
        assert isinstance(door, WebDoor)
        form = door.open("/account/security/").form_to("/account/security/turn-on/email/")
        assert form is not None
        door.send(form)


def turn_off(door: Door) -> int:
    uid = Factor.objects.get().uid
    if isinstance(door, ApiDoor):
        bearer = f"Bearer {door.access}"
        return door.client.delete(f"/api/v1/me/factors/{uid}/", HTTP_AUTHORIZATION=bearer).status_code
    assert isinstance(door, WebDoor)
    door.open("/account/security/")
    door.post(f"/account/security/factors/{uid}/remove/")
    return door.answer.status_code


def removed(door: Door, uid: object) -> int:
    if isinstance(door, ApiDoor):
        bearer = f"Bearer {door.access}"
        return door.client.delete(f"/api/v1/me/factors/{uid}/", HTTP_AUTHORIZATION=bearer).status_code
    assert isinstance(door, WebDoor)
    door.post(f"/account/security/factors/{uid}/remove/")
    return door.answer.status_code


def alter(door: Door, uid: object, **fields: object) -> int:
    if isinstance(door, ApiDoor):
        answer = door.client.patch(
            f"/api/v1/me/factors/{uid}/",
            json.dumps(fields),
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {door.access}",
        )
        return answer.status_code
    assert isinstance(door, WebDoor)
    door.open("/account/security/")
    given = {name: str(int(one)) if isinstance(one, bool) else one for name, one in fields.items()}
    door.post(f"/account/security/factors/{uid}/", **given)
    return 400 if door.page.errors else door.answer.status_code


def change(door: Door, current: str, new: str) -> str:
    if isinstance(door, ApiDoor):
        given = {"current_password": current, "new_password": new}
        return door.post("/api/v1/me/password/", given, bearer=door.access).text
    assert isinstance(door, WebDoor)
    form = next(form for form in door.open("/account/password/").forms if "new_password" in form.values)
    return door.send(form, current_password=current, new_password=new).text


def test_codes_by_mail_are_turned_on_and_asked_for_at_the_next_sign_in(
    door: Door, ben: User, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    assert door.is_in()
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"


def test_a_factor_that_is_turned_off_is_told_by_mail(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    assert turn_off(door) < 300
    assert "turned off for your account" in post.newest(BEN)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"


def test_the_last_factor_stays_where_one_is_required(door: Door, ada: User, post: Post) -> None:
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=post.code(ADA))
    turn_on(door)
    turn_off(door)
    assert Factor.objects.count() == 1


def test_what_cannot_be_removed_is_not_offered_to_be(web: WebDoor, ada: User, post: Post) -> None:
    sign_in(web, ADA, PASSWORD)
    web.take("code", code=post.code(ADA))
    turn_on(web)
    address = f"/account/security/factors/{Factor.objects.get().uid}/remove/"
    assert address not in web.open("/account/security/").links
    set_up(web)
    assert address in web.open("/account/security/").links


def test_without_a_verified_address_no_codes_can_be_turned_on(api: ApiDoor, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    sign_in(api, BEN, PASSWORD)
    turn_on(api)
    assert api.body["code"] == "not_verified"
    assert not Factor.objects.exists()


def test_a_factor_is_named_and_preferred_and_that_is_told(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    app = set_up(door)
    uid = Factor.objects.get(kind="totp").uid
    assert alter(door, uid, name="  my <b>phone</b> ") == 200
    assert Factor.objects.get(uid=uid).name == "my <b>phone</b>"
    assert "named anew" in post.newest(BEN)
    email = Factor.objects.get(kind="email").uid
    assert alter(door, email, preferred=True) == 200
    ben.refresh_from_db()
    assert ben.preferred_factor == "email"
    assert alter(door, email, preferred=False) == 200
    ben.refresh_from_db()
    assert ben.preferred_factor == ""
    assert app.digits == 6


def test_what_changes_nothing_is_not_told(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    before = len(post.to(BEN))
    assert alter(door, Factor.objects.get().uid, name="", preferred=False) == 200
    assert len(post.to(BEN)) == before


@pytest.mark.parametrize("name", ["x" * 61, "two\nlines"])
def test_a_name_is_one_short_line(door: Door, ben: User, name: str) -> None:
    sign_in(door, BEN, PASSWORD)
    turn_on(door)
    assert alter(door, Factor.objects.get().uid, name=name) == 400
    assert Factor.objects.get().name == ""


def test_a_name_is_written_and_not_run(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    turn_on(web)
    alter(web, Factor.objects.get().uid, name='"><script>alert(1)</script>')
    web.open("/account/security/")
    assert "<script>alert" not in web.answer.content.decode()


def test_nobody_changes_somebody_elses_factor(door: Door, ben: User, cleo: User, post: Post) -> None:
    theirs = Factor.objects.create(
        user=cleo, kind="email", created_at=timezone.now(), confirmed_at=timezone.now()
    )
    sign_in(door, BEN, PASSWORD)
    assert alter(door, theirs.uid, name="mine") == 404
    theirs.refresh_from_db()
    assert theirs.name == ""


def test_a_kind_that_needs_a_set_up_is_not_turned_on_alone(api: ApiDoor, ben: User) -> None:
    """A factor in force that nothing can prove would shut its owner out, or count as a strong one."""
    sign_in(api, BEN, PASSWORD)
    for kind in ("passkey", "webservice", "radius"):
        api.post("/api/v1/me/factors/", {"kind": kind}, bearer=api.access)
        assert api.answer.status_code >= 400
    assert not Factor.objects.exists()


def test_a_removal_is_asked_before_it_is_done(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    turn_on(web)
    page = web.open(f"/account/security/factors/{Factor.objects.get().uid}/remove/")
    assert Factor.objects.exists()
    form = next(form for form in page.forms if form.action == "")
    web.send(form)
    assert not Factor.objects.exists()


def test_a_text_message_needs_a_verified_number(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/factors/", {"kind": "sms"}, bearer=door.access)
        assert door.body["code"] == "not_verified"
    else:
        assert isinstance(door, WebDoor)
        page = door.open("/account/security/")
        assert "/account/contacts/#phone" in page.links
        door.post("/account/security/turn-on/sms/")
        assert "Verify the phone number first" in door.page.text
    User.objects.filter(pk=ben.pk).update(phone="+4930123456", phone_verified_at=timezone.now())
    if isinstance(door, ApiDoor):
        door.post("/api/v1/me/factors/", {"kind": "sms"}, bearer=door.access)
    else:
        assert isinstance(door, WebDoor)
        door.post("/account/security/turn-on/sms/")
    assert Factor.objects.get().kind == "sms"


def test_the_last_of_several_stays_where_one_is_required_but_recovery_codes_do_not_count(
    door: Door, ben: User
) -> None:
    sign_in(door, BEN, PASSWORD)
    set_up(door)
    recovery_codes(door)
    configure(TwoFactor__Policy="required")
    removed(door, Factor.objects.get(kind="totp").uid)
    assert Factor.objects.filter(kind="totp").exists()
    removed(door, Factor.objects.get(kind="recovery").uid)
    assert not Factor.objects.filter(kind="recovery").exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_that_are_removed_at_once_the_last_one_stays(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    turn_on(api)
    set_up(api)
    configure(TwoFactor__Policy="required")
    uids = [one.uid for one in Factor.objects.all()]
    twins = [api.stranger() for _ in uids]
    for twin in twins:
        twin.access = api.access
    answers: list[int] = []
    in_parallel(2, lambda number: answers.append(removed(twins[number], uids[number])))
    assert sorted(answers) == [204, 409]
    assert Factor.objects.count() == 1
    ben.refresh_from_db()
    assert ben.factor_kinds == f",{Factor.objects.get().kind},"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_one_that_is_removed_twice_at_once_is_told_once(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    turn_on(api)
    uid = Factor.objects.get().uid
    answers: list[int] = []

    def remove(_number: int) -> None:
        twin = api.stranger()
        twin.access = api.access
        answers.append(removed(twin, uid))

    in_parallel(4, remove)
    assert sorted(answers) == [204, 404, 404, 404]
    assert AuditEvent.objects.filter(event="twofactor:factor:removed").count() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_that_are_turned_on_at_once_both_are_known_of(api: ApiDoor, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(phone="+4930123456", phone_verified_at=timezone.now())
    sign_in(api, BEN, PASSWORD)
    kinds = ("email", "sms")

    def add(number: int) -> None:
        api.stranger().post("/api/v1/me/factors/", {"kind": kinds[number]}, bearer=api.access)

    in_parallel(2, add)
    ben.refresh_from_db()
    assert ben.factor_kinds == ",email,sms,"


def test_turning_a_factor_off_needs_a_recent_proof(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    turn_on(web)
    clock.forward(minutes=11)
    turn_off(web)
    assert web.said().step == "password"
    assert Factor.objects.exists()


def test_the_own_password_changes_and_other_sessions_end(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    change(door, PASSWORD, NEW_PASSWORD)
    assert (door.is_in(), other.is_in()) == (True, False)
    assert "password of your account was changed" in post.newest(BEN)
    assert sign_in(other, BEN, NEW_PASSWORD).step == "done"


def test_the_own_password_needs_the_current_one(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    assert "current password is not right" in change(door, "not this one at all", NEW_PASSWORD)
    assert "12 characters" in change(door, PASSWORD, "short")
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_whatever_changes_meet_at_once_none_breaks_and_the_row_says_what_is_on(
    api: ApiDoor, ben: User
) -> None:
    """Set up, confirmed, named, preferred, removed and reset by several hands: they wait in turn, and never for each other."""
    sign_in(api, BEN, PASSWORD)
    turn_on(api)
    app = begin(api, name="first")
    email, codes = Factor.objects.get(kind="email").uid, [app.code()] * 2
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {api.access}"}

    def send(method: str, path: str, body: object = None) -> int:
        text = json.dumps({} if body is None else body)
        client = api.stranger().client
        answer = client.generic(
            method, f"/api/v1/me/factors/{path}", text, content_type="application/json", **bearer
        )
        return answer.status_code

    work: list[Callable[[], int]] = [
        *(
            lambda code=code: api.stranger().post(app.page, {"code": code}, bearer=api.access).status
            for code in codes
        ),
        lambda: send("POST", "", {"kind": "totp", "name": "second"}),
        lambda: send("POST", "", {"kind": "totp", "name": "third"}),
        lambda: send("PATCH", f"{email}/", {"name": "box", "preferred": True}),
        lambda: send("POST", "", {"kind": "recovery"}),
        lambda: send("DELETE", f"{email}/"),
        lambda: send("POST", "", {"kind": "email"}),
    ]
    answers: list[int] = []
    in_parallel(len(work), lambda number: answers.append(work[number]()))
    assert len(answers) == len(work)
    assert max(answers) < 500, answers
    ben.refresh_from_db()
    on = sorted(set(Factor.objects.filter(confirmed_at__isnull=False).values_list("kind", flat=True)))
    assert [kind for kind in ben.factor_kinds.split(",") if kind] == on
