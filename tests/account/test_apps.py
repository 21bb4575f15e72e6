"""Setting up an authenticator app: only in the session that began it, only while it waits, and every try counts."""

import logging

import pytest

from accounts.models import User
from audit.models import AuditEvent
from core import oath, sealed
from tests.account.apps import App, begin, give, set_up
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from tests.parallel import in_parallel
from twofactor.models import Challenge, Factor, FactorKind

pytestmark = pytest.mark.django_db
BEN, ADA = "ben@acme.example", "ada@acme.example"


def same_person(door: Door) -> Door:
    """Another session of the same person."""
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    return other


def test_an_app_counts_once_its_first_code_came_back(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    app = begin(door, name="work phone")
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "done"  # it counts for nothing yet
    assert not give(door, app).refused
    ben.refresh_from_db()
    assert ben.factor_kinds == ",totp,"
    assert Factor.objects.get().name == "work phone"
    assert "turned on for your account: Authenticator app" in post.newest(BEN)
    assert sign_in(door.stranger(), BEN, PASSWORD).step == "code"


@pytest.mark.parametrize(("algorithm", "digits"), [("SHA256", 6), ("SHA512", 8), ("SHA1", 8)])
def test_an_app_may_use_another_algorithm_and_length(
    door: Door, ben: User, algorithm: str, digits: int
) -> None:
    sign_in(door, BEN, PASSWORD)
    app = set_up(door, algorithm=algorithm, digits=digits)
    assert (app.algorithm, app.digits) == (algorithm, digits)


@pytest.mark.parametrize("fields", [{"algorithm": "MD5"}, {"digits": 7}, {"digits": 40}, {"name": "x" * 61}])
def test_what_no_app_knows_is_refused(api: ApiDoor, ben: User, fields: dict[str, object]) -> None:
    sign_in(api, BEN, PASSWORD)
    said = api.post("/api/v1/me/factors/", {"kind": "totp", **fields}, bearer=api.access)
    assert said.status == 400
    assert not Factor.objects.exists()


def test_the_picture_and_the_key_say_the_same(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    app = begin(web)
    page = web.answer.content.decode()
    assert "<svg" in page
    assert "style=" not in page.partition("<svg")[2].partition("</svg>")[0]  # the CSP would stop it
    key = web.page.text.replace(" ", "")
    assert app.address.query.partition("secret=")[2].partition("&")[0] in key
    assert web.answer["Cache-Control"] == "no-store"


def test_a_wrong_first_code_is_refused_and_counted(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    configure(TwoFactor__MaxCodeChecks=2)
    app = begin(door)
    for _ in range(2):
        said = give(door, app, "000000" if app.code() != "000000" else "111111")
        assert said.refused
        assert "not right" in said.text
    assert give(door, app).refused  # even the right one
    assert not ben.factor_kinds
    assert Challenge.objects.get().checks == 2


def test_a_clock_that_is_off_is_told(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    app = begin(door)
    said = give(door, app, app.code(ahead=300))
    assert said.refused
    assert "5 minutes off" in said.text
    assert not give(door, app).refused


def test_another_session_of_the_same_person_can_not_finish_it(door: Door, ben: User) -> None:
    sign_in(door, BEN, PASSWORD)
    app = begin(door)
    uid = Factor.objects.get().uid
    other = same_person(door)
    if isinstance(other, ApiDoor):
        said = other.post(f"/api/v1/me/factors/{uid}/confirm/", {"code": app.code()}, bearer=other.access)
        assert said.status == 401
    else:
        assert isinstance(other, WebDoor)
        page = other.open(f"/account/security/app/{uid}/")
        assert "otpauth" not in other.answer.content.decode()
        assert "Begin again" in page.text
        other.post(f"/account/security/app/{uid}/", code=app.code())
    assert Factor.objects.get().confirmed_at is None


def test_a_stranger_can_not_see_or_finish_it(door: Door, ben: User, cleo: User) -> None:
    sign_in(door, BEN, PASSWORD)
    app = begin(door)
    uid = Factor.objects.get().uid
    other = door.stranger()
    configure(TwoFactor__Policy="off")
    cleo.roles.clear()
    sign_in(other, "cleo@globex.example", PASSWORD)
    if isinstance(other, ApiDoor):
        said = other.post(f"/api/v1/me/factors/{uid}/confirm/", {"code": app.code()}, bearer=other.access)
        assert said.status == 404
    else:
        assert isinstance(other, WebDoor)
        other.open(f"/account/security/app/{uid}/")
        assert "otpauth" not in other.answer.content.decode()
    assert Factor.objects.get().confirmed_at is None


def test_the_key_is_shown_only_while_the_app_waits(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    app = begin(web)
    address = web.address
    web.open(address)
    assert "otpauth" in web.answer.content.decode()
    clock.forward(minutes=29)
    web.open("/account/security/")
    if web.said().step == "password":  # idle meanwhile
        web.take("password", password=PASSWORD)
    page = web.open(address)
    assert "otpauth" in web.answer.content.decode()
    form = next(form for form in page.forms if "code" in form.values)
    web.send(form, code=app.code())  # long after a sent code would have died
    assert Factor.objects.get().confirmed_at is not None
    web.open(address)
    assert "otpauth" not in web.answer.content.decode()


def test_what_waited_too_long_is_over(web: WebDoor, ben: User, clock: Time) -> None:
    sign_in(web, BEN, PASSWORD)
    begin(web)
    address = web.address
    clock.forward(minutes=30)
    web.open(address)
    web.take("password", password=PASSWORD)
    web.open(address)
    assert "otpauth" not in web.answer.content.decode()


def test_a_code_is_good_once_also_the_one_that_set_the_app_up(door: Door, ben: User, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    app = set_up(door)
    other = door.stranger()
    assert sign_in(other, BEN, PASSWORD).step == "code"
    assert other.take("code", code=app.code()).refused
    clock.forward(seconds=30)
    assert other.take("code", code=app.code()).step == "done"


def test_an_app_needs_a_recent_confirmation(door: Door, ben: User, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    clock.forward(minutes=11)
    if isinstance(door, ApiDoor):
        said = door.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=door.access)
        if said.status == 401:  # the access token lives five minutes
            door.post("/api/v1/tokens/refresh/", {"refresh_token": door.refresh})
            said = door.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=door.access)
        assert (said.status, door.body["code"]) == (403, "confirm_first")
    else:
        assert isinstance(door, WebDoor)
        form = next(form for form in door.open("/account/security/app/").forms if "name" in form.values)
        door.send(form, name="")
    assert not Factor.objects.exists()


def test_where_the_organisation_makes_codes_itself_no_app_is_offered(door: Door, ben: User) -> None:
    configure(TwoFactor__CodeGeneration="internal")
    sign_in(door, BEN, PASSWORD)
    if isinstance(door, ApiDoor):
        said = door.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=door.access)
        assert (said.status, door.body["code"]) == (409, "method_not_permitted")
    else:
        assert isinstance(door, WebDoor)
        assert "/account/security/app/" not in door.open("/account/security/").links
        form = next(form for form in door.open("/account/security/app/").forms if "name" in form.values)
        assert "does not use" in door.send(form).text
    assert not Factor.objects.exists()


def test_a_code_that_was_sent_to_an_address_is_none_of_an_app_and_the_other_way_round(
    api: ApiDoor, ben: User, post: Post
) -> None:
    """Both are asked for in the same session; what one proves must not be taken for the other."""
    sign_in(api, BEN, PASSWORD)
    app = begin(api)
    api.post("/api/v1/me/email/", {"email": "ben.new@acme.example"}, bearer=api.access)
    said = api.post("/api/v1/me/email/confirm/", {"code": app.code()}, bearer=api.access)
    assert said.refused
    assert give(api, app, post.code("ben.new@acme.example")).refused
    assert not give(api, app).refused
    ben.refresh_from_db()
    assert ben.email == BEN


def test_ten_apps_are_enough(api: ApiDoor, ben: User, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    now = clock()
    for number in range(10):
        Factor.objects.create(
            user=ben, kind=FactorKind.TOTP, name=f"app {number}", created_at=now, confirmed_at=now, digits=6
        )
    said = api.post("/api/v1/me/factors/", {"kind": "totp"}, bearer=api.access)
    assert (said.status, api.body["code"]) == (409, "too_many_factors")


def test_the_seed_is_in_no_log_row_or_later_answer(
    api: ApiDoor, ben: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sign_in(api, BEN, PASSWORD)
    set_up(api)
    api.get("/api/v1/me/factors/")
    assert "secret" not in api.answer.content.decode()
    assert b"otpauth" not in api.answer.content
    row = Factor.objects.get()
    seed = oath.written(sealed.unseal(row, "secret"))
    assert seed not in str(row.secret.text)
    assert seed not in str(list(AuditEvent.objects.values()))
    assert caplog.records
    assert seed not in str([vars(one) for one in caplog.records])


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_confirmations_at_once_one_counts(api: ApiDoor, ben: User) -> None:
    sign_in(api, BEN, PASSWORD)
    app = begin(api)
    code, answers = app.code(), list[int]()

    def confirm(_number: int) -> None:
        twin = api.stranger()
        answers.append(twin.post(app.page, {"code": code}, bearer=api.access).status)

    in_parallel(4, confirm)
    assert min(answers) == 200
    assert answers.count(200) == 1
    assert AuditEvent.objects.filter(event="twofactor:factor:added").count() == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_code_of_an_app_lets_one_of_two_sign_ins_in(api: ApiDoor, ben: User, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    app: App = set_up(api)
    clock.forward(seconds=30)
    doors = [api.stranger() for _ in range(4)]
    for door in doors:
        assert sign_in(door, BEN, PASSWORD).step == "code"
    code, steps = app.code(), list[str]()
    in_parallel(4, lambda number: steps.append(doors[number].take("code", code=code).step))
    assert steps.count("done") == 1


def test_what_waits_is_not_told_as_a_protection(web: WebDoor, ben: User) -> None:
    sign_in(web, BEN, PASSWORD)
    app = begin(web, name="work phone")
    address = web.address
    assert "work phone" not in web.open("/account/").text
    assert "Finish setting it up" in web.open("/account/security/").text
    web.open(address)
    assert not give(web, app).refused
    assert "work phone" in web.open("/account/").text
