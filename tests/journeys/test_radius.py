"""People whose password a RADIUS server proves: PAP and CHAP, questions on page and API, servers that are away."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Tenant
from tenants.actor import system_actor
from tenants.models import Company
from tests import directories, directory
from tests.attacks.parallel import at_once
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.services.radius import CODE, COLOUR, SECRET, Radius, free_udp_port, freeradius
from tests.services.radius import Person as Known

pytestmark = pytest.mark.django_db
GERDA = Known(name="gerda", password="gerda's Passw0rd")
HANNA = Known(name="hanna", password="hanna's Passw0rd", questions=(CODE, COLOUR))
LOCKED = Known(name="locked", password="locked's Passw0rd", locked=True)
WRONG = "do not fit together"
UNAVAILABLE = "unavailable right now"
MORE_THAN_THE_LIMIT = 12


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture(scope="module")
def server() -> Iterator[Radius]:
    with freeradius(people=(GERDA, HANNA, LOCKED)) as server:
        yield server


@pytest.fixture
def tenant(acme: Company) -> Tenant:
    return directory.tenant(directory.ACME_DBID, company=acme)


@pytest.fixture(params=["pap"])
def radius(request: pytest.FixtureRequest, server: Radius) -> Directory:
    return directories.radius(server.name, coding=request.param)


@pytest.fixture
def gerda(tenant: Tenant, radius: Directory) -> Person:
    return directory.person("gerda", tenant=tenant, directory=radius)


@pytest.fixture
def hanna(tenant: Tenant, radius: Directory) -> Person:
    return directory.person("hanna", tenant=tenant, directory=radius, email="hanna@acme.example")


def reasons(event: str = "login:password:refused") -> list[str]:
    """Why, as the trail says, oldest first."""
    rows = AuditEvent.objects.filter(event=event).order_by("id")
    return [str(one["reason"]) for one in rows.values_list("details", flat=True)]


def asked_of_hanna(door: Door) -> None:
    """Hanna, up to the first question."""
    assert sign_in(door, "hanna", HANNA.password).step == "challenge"


# --- a password and nothing more


@pytest.mark.parametrize("radius", ["pap", "chap"], indirect=True)
def test_a_password_that_the_server_accepts_signs_in(door: Door, gerda: Person, acme: Company) -> None:
    assert sign_in(door, "gerda", GERDA.password).step == "done"
    assert door.is_in()
    user = User.objects.get(source_id=gerda.uid)
    assert (user.company, user.engine, user.has_usable_password()) == (acme, "radius", False)
    assert Session.objects.get().methods == ["pwd"]


@pytest.mark.parametrize("radius", ["pap", "chap"], indirect=True)
def test_a_wrong_password_a_locked_account_and_nobody_get_the_same_answer(
    door: Door, gerda: Person, tenant: Tenant, radius: Directory
) -> None:
    directory.person("locked", tenant=tenant, directory=radius)
    said = [
        sign_in(door.stranger(), *tried)
        for tried in (("gerda", "a wrong guess"), ("locked", LOCKED.password), ("nobody", "a wrong guess"))
    ]
    assert {(one.status, one.step, one.refused) for one in said} == {(said[0].status, said[0].step, True)}
    assert all(WRONG in one.text for one in said)
    # The server's own words of a Reject are no concern of whoever guesses.
    assert not any("account is locked" in one.text for one in said)
    assert reasons() == ["rejected", "rejected", "unknown"]


def test_a_person_without_an_external_id_is_asked_for_by_the_user_name_else_by_the_id(
    door: Door, tenant: Tenant, radius: Directory
) -> None:
    directory.person("g.huber@acme", tenant=tenant, directory=radius, external_id="gerda")
    assert door.begin("g.huber@acme", realm="external").step == "password"
    assert door.take("password", password=GERDA.password).step == "done"


def test_the_directory_of_the_tenant_answers_for_whoever_has_an_external_id(
    door: Door, tenant: Tenant, radius: Directory
) -> None:
    draft = services.TenantDraft(library="directory", directory=radius)
    services.change_tenant(tenant, draft, by=system_actor(), now=timezone.now())
    directory.person("gerda", tenant=tenant, external_id="gerda")
    directory.person("dora", tenant=tenant, password=PASSWORD)
    assert sign_in(door, "gerda", GERDA.password).step == "done"
    assert sign_in(door.stranger(), "dora", PASSWORD).step == "done"


# --- questions


def test_every_question_is_put_in_the_servers_own_words_masked_or_seen(
    web: WebDoor, api: ApiDoor, hanna: Person
) -> None:
    said = sign_in(api, "hanna", HANNA.password)
    assert (said.step, said.facts["prompt"], said.facts["echo"]) == (
        "challenge",
        "Enter your one-time code",
        False,
    )
    said = api.take("challenge", answer=CODE.answer)
    assert (said.step, said.facts["prompt"], said.facts["echo"]) == (
        "challenge",
        "Welcome back. Which colour has your token?",
        True,
    )
    assert api.take("challenge", answer=COLOUR.answer).step == "done"
    assert api.is_in()
    sign_in(web, "hanna", HANNA.password)
    assert "Enter your one-time code" in web.page.text
    assert 'type="password" name="answer"' in web.answer.content.decode()
    web.take("challenge", answer=CODE.answer)
    assert "Welcome back. Which colour has your token?" in web.page.text
    assert 'type="text" name="answer"' in web.answer.content.decode()
    assert web.take("challenge", answer=COLOUR.answer).step == "done"
    assert web.is_in()


@pytest.mark.parametrize("right", [0, 1], ids=["first", "second"])
def test_a_wrong_answer_leads_back_to_the_password(door: Door, hanna: Person, right: int) -> None:
    asked_of_hanna(door)
    for question in HANNA.questions[:right]:
        assert door.take("challenge", answer=question.answer).step == "challenge"
    said = door.take("challenge", answer="000000")
    assert said.step == "password"
    assert WRONG in said.text
    assert not door.is_in()
    # The question is over: its right answer is out of turn now.
    assert door.take("challenge", answer=HANNA.questions[right].answer).step == "password"
    assert door.take("password", password=HANNA.password).step == "challenge"
    for question in HANNA.questions:
        said = door.take("challenge", answer=question.answer)
    assert said.step == "done"


def test_until_somebody_is_in_each_password_and_each_answer_counts_as_a_try(
    door: Door, hanna: Person
) -> None:
    for _ in range(5):
        one = door.stranger()
        asked_of_hanna(one)
        assert one.take("challenge", answer="000000").refused
    assert sign_in(door, "hanna", HANNA.password).status == 429
    assert reasons() == ["rejected"] * 5


def test_a_sign_in_forgets_the_tries_before_it(api: ApiDoor, hanna: Person) -> None:
    for _ in range(4):
        one = api.stranger()
        asked_of_hanna(one)
        for question in HANNA.questions:
            said = one.take("challenge", answer=question.answer)
        assert said.step == "done"


def test_an_answer_before_the_question_or_after_the_end_is_out_of_turn(door: Door, hanna: Person) -> None:
    door.begin("hanna")
    assert door.take("challenge", answer=CODE.answer).step == "password"
    door.take("password", password=HANNA.password)
    assert door.take("password", password=HANNA.password).step == "challenge"
    assert door.take("code", code=CODE.answer).step == "challenge"
    for question in HANNA.questions:
        door.take("challenge", answer=question.answer)
    assert door.is_in()
    sessions = Session.objects.count()
    door.take("challenge", answer=COLOUR.answer)
    assert Session.objects.count() == sessions


def test_an_empty_or_endless_answer_is_refused_unseen(door: Door, hanna: Person) -> None:
    asked_of_hanna(door)
    for answer in ("", "1" * 129):
        said = door.take("challenge", answer=answer)
        assert said.refused
        assert said.status in {200, 400}
    assert reasons() == []
    assert door.take("challenge", answer=CODE.answer).step == "challenge"


def test_an_answer_that_comes_late_is_not_taken(door: Door, hanna: Person, clock: Time) -> None:
    asked_of_hanna(door)
    clock.forward(minutes=15)
    assert door.take("challenge", answer=CODE.answer).step in {"ended", "username"}
    assert not door.is_in()


def test_another_browser_or_program_cannot_answer(web: WebDoor, api: ApiDoor, hanna: Person) -> None:
    asked_of_hanna(web)
    stranger = web.stranger()
    stranger.open("/login/")
    stranger.post("/login/challenge/", answer=CODE.answer)
    assert stranger.said().step == "username"
    # The cookie of the page is no handle of the API, and the other way round.
    api.handle = web.browser.cookies["attempt"].value
    assert api.take("challenge", answer=CODE.answer).refused
    asked_of_hanna(api)
    stranger.browser.cookies["attempt"] = api.handle
    stranger.post("/login/challenge/", answer=CODE.answer)
    assert stranger.said().step == "ended"
    assert web.take("challenge", answer=CODE.answer).step == "challenge"  # its own goes on


def test_a_sign_in_that_was_given_up_takes_no_answer(web: WebDoor, hanna: Person) -> None:
    asked_of_hanna(web)
    cookie = web.browser.cookies["attempt"].value
    form = web.page.form_to("/login/cancel/")
    assert form is not None
    web.send(form)
    web.browser.cookies["attempt"] = cookie  # kept by whoever pressed the button
    web.post("/login/challenge/", answer=CODE.answer)
    assert web.said().step == "ended"


@pytest.mark.django_db(transaction=True)
def test_of_one_answer_sent_many_times_at_once_one_counts(server: Radius) -> None:
    acme = Company.objects.create(name="Acme")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    directory.person("hanna", tenant=tenant, directory=directories.radius(server.name))
    first = ApiDoor()
    asked_of_hanna(first)
    first.take("challenge", answer=CODE.answer)

    def send(number: int) -> str:
        one = ApiDoor()
        one.handle = first.handle
        try:
            return one.take("challenge", answer=COLOUR.answer).step
        finally:
            connection.close()

    steps = at_once(send, times=8)
    assert steps.count("done") == 1, steps
    assert Session.objects.count() == 1


def test_a_person_or_directory_switched_off_meanwhile_takes_no_answer(
    door: Door, hanna: Person, radius: Directory, clock: Time
) -> None:
    asked_of_hanna(door)
    services.change_person(hanna, services.PersonDraft(is_active=False), by=system_actor(), now=clock())
    assert door.take("challenge", answer=CODE.answer).refused
    services.change_person(hanna, services.PersonDraft(is_active=True), by=system_actor(), now=clock())
    other = door.stranger()
    asked_of_hanna(other)
    services.change_directory(
        radius, services.DirectoryDraft(is_active=False), by=system_actor(), now=clock()
    )
    assert other.take("challenge", answer=CODE.answer).refused
    assert reasons() == ["disabled", "directory_off"]
    assert not Session.objects.exists()


def test_whoever_is_locked_out_by_idleness_answers_the_questions_again(
    web: WebDoor, hanna: Person, clock: Time
) -> None:
    asked_of_hanna(web)
    for question in HANNA.questions:
        web.take("challenge", answer=question.answer)
    clock.forward(minutes=20)
    assert not web.is_in()
    assert web.confirm().step == "password"
    assert web.take("password", password=HANNA.password).step == "challenge"
    for question in HANNA.questions:
        said = web.take("challenge", answer=question.answer)
    assert said.step == "done"
    assert web.is_in()
    assert Session.objects.filter(ended_at=None).count() == 1


# --- the second factor


@pytest.mark.parametrize("radius_counts", [False, True])
def test_the_questions_stand_for_the_second_factor_where_the_directory_says_so(
    door: Door, hanna: Person, radius: Directory, post: Post, clock: Time, radius_counts: bool
) -> None:
    configure(TwoFactor__Policy="required")
    draft = services.DirectoryDraft(rounds_are_factor=radius_counts)
    services.change_directory(radius, draft, by=system_actor(), now=clock())
    asked_of_hanna(door)
    for question in HANNA.questions:
        said = door.take("challenge", answer=question.answer)
    if radius_counts:
        assert said.step == "done"
    else:
        assert said.step == "enrol"
        assert not door.is_in()
        door.take("enrol", kind="email", value="hanna@acme.example")
        assert door.take("enrol", code=post.code("hanna@acme.example")).step == "done"
    assert door.is_in()
    assert Session.objects.get().methods == ["pwd", "otp"]


def test_a_person_of_whom_nothing_is_asked_has_shown_no_second_factor(
    door: Door, gerda: Person, radius: Directory, clock: Time
) -> None:
    configure(TwoFactor__Policy="required", TwoFactor__NoVerifiedContactBehaviour="deny")
    draft = services.DirectoryDraft(rounds_are_factor=True)
    services.change_directory(radius, draft, by=system_actor(), now=clock())
    said = sign_in(door, "gerda", GERDA.password)
    assert said.refused
    assert not door.is_in()


# --- servers that are away


def test_with_no_server_the_answer_is_unavailable_and_no_try_counts(
    door: Door, tenant: Tenant, ben: User
) -> None:
    port = free_udp_port()
    dead = directories.radius(f"127.0.0.1:{port}", connect_timeout_ms=100, timeout_ms=500)
    directory.person("gerda", tenant=tenant, directory=dead)
    for _ in range(MORE_THAN_THE_LIMIT):
        said = sign_in(door.stranger(), "gerda", GERDA.password)
        assert (said.status, said.step, said.refused) == (503, "password", True)
        assert UNAVAILABLE in said.text
    assert len(reasons("login:directory:unavailable")) == MORE_THAN_THE_LIMIT
    assert sign_in(door.stranger(), "ben@acme.example", PASSWORD).step == "done"
    with freeradius(people=(GERDA,), port=port):
        directories.wake(dead, secret=SECRET)
        assert sign_in(door.stranger(), "gerda", GERDA.password).step == "done"


def test_a_server_that_goes_while_it_asks_leads_to_unavailable_and_the_answer_can_be_sent_again(
    door: Door, tenant: Tenant
) -> None:
    with freeradius(people=(HANNA,)) as server:
        hung = directories.radius(server.name, connect_timeout_ms=100, timeout_ms=500)
        directory.person("hanna", tenant=tenant, directory=hung)
        asked_of_hanna(door)
        with server.hung():
            said = door.take("challenge", answer=CODE.answer)
            assert (said.status, said.step) == (503, "challenge")
            assert UNAVAILABLE in said.text
        for question in HANNA.questions:
            said = door.take("challenge", answer=question.answer)
        assert said.step == "done"


def test_the_next_server_answers_for_one_that_is_dead(door: Door, tenant: Tenant, server: Radius) -> None:
    dead = f"127.0.0.1:{free_udp_port()}"
    directory.person("gerda", tenant=tenant, directory=directories.radius(dead, server.name))
    assert sign_in(door, "gerda", GERDA.password).step == "done"


def test_the_answer_goes_to_the_server_that_asked(door: Door, tenant: Tenant) -> None:
    with freeradius(people=(HANNA,)) as first, freeradius(people=(HANNA,)) as second:
        directory.person("hanna", tenant=tenant, directory=directories.radius(first.name, second.name))
        first.stop()
        asked_of_hanna(door)
        first.start()
        for question in HANNA.questions:
            said = door.take("challenge", answer=question.answer)
        assert said.step == "done"


# --- changing the password


def test_people_of_radius_are_told_where_their_password_is_changed(
    web: WebDoor, api: ApiDoor, gerda: Person
) -> None:
    sign_in(web, "gerda", GERDA.password)
    page = web.open("/account/password/")
    assert "kept in the directory" in page.text
    assert not [form for form in page.forms if "new_password" in form.values]
    web.post("/account/password/", current_password=GERDA.password, new_password=NEW_PASSWORD)
    assert "kept in the directory" in web.page.text
    sign_in(api, "gerda", GERDA.password)
    said = api.post(
        "/api/v1/me/password/",
        {"current_password": GERDA.password, "new_password": NEW_PASSWORD},
        bearer=api.access,
    )
    assert (said.status, said.facts["code"]) == (409, "kept_elsewhere")
    assert sign_in(api.stranger(), "gerda", GERDA.password).step == "done"


def test_a_change_that_is_due_here_is_not_asked_of_people_of_radius(door: Door, gerda: Person) -> None:
    Person.objects.update(must_change_password=True)
    assert sign_in(door, "gerda", GERDA.password).step == "done"
