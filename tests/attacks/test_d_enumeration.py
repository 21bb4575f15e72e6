"""D. Finding out who exists: the same words, the same status, the same headers, the same work."""

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.models import AuditEvent
from tenants.models import Company
from tests import cast
from tests.attacks.hashers import Counting
from tests.attacks.observing import answer_of, plain
from tests.attacks.people import CLEO
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure

pytestmark = pytest.mark.django_db
WHO = (
    "nobody",
    "known",
    "disabled",
    "locked",
    "company",
    "unusable",
    "external",
    "unverified",
    "must-change",
    "admin",
    "of-globex",
)


@pytest.fixture(autouse=True)
def counted(settings: Settings) -> None:
    """Hashes are counted."""
    settings.PASSWORD_HASHERS = ["tests.attacks.hashers.Counting"]
    Counting.count = 0


@pytest.fixture
def people(acme: Company, globex: Company, clock: Time) -> None:
    """One person for each way to be known."""
    closed = Company.objects.create(name="Closed", is_active=False)
    for who in WHO[1:]:
        role = cast.COMPANY_ADMINISTRATOR if who == "admin" else cast.MEMBER
        company = {"company": closed, "of-globex": globex}.get(who, acme)
        user = cast.person(f"{who}@acme.example", company=company, role=role, name="Somebody")
        user.password = "!" if who == "unusable" else make_password(PASSWORD)
        user.password_changed_at = clock()
        user.is_active = who != "disabled"
        user.locked_at = clock() if who == "locked" else None
        user.realm = "external" if who == "external" else "internal"
        user.must_change_password = who == "must-change"
        if who == "unverified":
            user.email_verified_at = None
        user.save()


Doing = Callable[[Door, str], None]


def observe(door: Door, do: Doing) -> dict[str, tuple[str, int, int]]:
    """For each kind of person: the answer, the hashes, and the statements that it took."""
    for who in WHO:  # what is cached for each company is loaded once a change, not once a sign-in
        do(door.stranger(), f"{who}@acme.example")
    seen = {}
    for who in WHO:
        name = f"{who}@acme.example"
        one = door.stranger()
        before = Counting.count
        with CaptureQueriesContext(connection) as queries:
            do(one, name)
        hashes = Counting.count - before
        answers = one.trail if isinstance(one, WebDoor) else [one.answer]  # type: ignore[attr-defined]
        # The version row is read by a thread, four times a second (here it is asked for at every use).
        statements = [one["sql"] for one in queries if "core_epoch" not in one["sql"]]
        seen[who] = ("\n".join(plain(answer, name) for answer in answers), hashes, len(statements))
    return seen


def wrong_password(door: Door, name: str) -> None:
    door.begin(name)
    door.take("password", password="a wrong guess at it")


def just_the_name(door: Door, name: str) -> None:
    door.begin(name)


def forgotten(door: Door, name: str) -> None:
    door.forgotten(name)


@pytest.mark.parametrize("do", [just_the_name, wrong_password, forgotten])
def test_every_kind_of_person_gets_the_same_answer_for_the_same_work(
    door: Door, people: None, do: Doing
) -> None:
    seen = observe(door, do)
    answers = {answer for answer, _hashes, _queries in seen.values()}
    assert len(answers) == 1, {who: hash(answer) for who, (answer, _h, _q) in seen.items()}
    wanted = 1 if do is wrong_password else 0
    assert {who: hashes for who, (_a, hashes, _q) in seen.items() if hashes != wanted} == {}
    statements = {who: queries for who, (_a, _h, queries) in seen.items()}
    assert len(set(statements.values())) == 1, statements


def test_whoever_may_not_sign_in_gets_the_answer_to_a_wrong_password_even_with_the_right_one(
    door: Door, people: None
) -> None:
    def right(one: Door, name: str) -> None:
        sign_in(one, name, PASSWORD)

    wrong = observe(door, wrong_password)
    seen = observe(door, right)
    for who in ("nobody", "disabled", "locked", "company", "unusable", "external"):
        assert seen[who][0] == wrong["known"][0], who
        assert seen[who][1] == 1, who


def test_the_limit_is_the_same_for_names_that_nobody_has(door: Door, people: None) -> None:
    said: dict[str, list[tuple[int, str]]] = {}
    for who in ("nobody", "known"):
        name = f"{who}@acme.example"
        said[who] = []
        for _ in range(11):
            one = type(door)(address=f"203.0.113.{len(said)}")
            wrong_password(one, name)
            said[who].append((answer_of(one).status_code, plain(answer_of(one), name)))
    assert said["nobody"] == said["known"]
    assert said["known"][-1][0] == 429


def test_the_organisation_s_own_lockout_tells_nothing_either(door: Door, people: None) -> None:
    configure(Login__Security__Strict=True, security_authentication_rules__account_lockout_threshold=2)
    said: dict[str, list[str]] = {}
    for who in ("nobody", "known"):
        said[who] = []
        for _ in range(5):
            one = door.stranger()
            wrong_password(one, f"{who}@acme.example")
            said[who].append(plain(answer_of(one), f"{who}@acme.example"))
    assert said["nobody"] == said["known"]


def test_asking_for_links_is_limited_without_a_word(door: Door, people: None, post: Post) -> None:
    said: dict[str, list[str]] = {}
    for who in ("nobody", "known"):
        said[who] = []
        for _ in range(8):
            one = door.stranger()
            one.forgotten(f"{who}@acme.example")
            said[who].append(plain(answer_of(one), f"{who}@acme.example"))
    assert said["nobody"] == said["known"]
    assert len(set(said["known"])) == 1


def test_a_new_address_looks_the_same_whether_or_not_somebody_has_it(
    door: Door, people: None, cleo: User, post: Post
) -> None:
    seen = {}
    for who, address in (("known", CLEO), ("disabled", "nobody.at.all@globex.example")):
        one = door.stranger()
        User.objects.filter(username="disabled@acme.example").update(is_active=True)
        sign_in(one, f"{who}@acme.example", PASSWORD)
        if isinstance(one, WebDoor):
            one.open("/account/contacts/")
            one.post("/account/contacts/email/", email=address)
            post.deliver()
            one.open("/account/contacts/")
            text = plain(one.answer, address)
        else:
            assert isinstance(one, ApiDoor)
            one.post("/api/v1/me/email/", {"email": address}, bearer=one.access)
            text = plain(one.answer, address)
        seen[who] = text.replace(f"{who}@acme.example", "ME")
    assert seen["known"] == seen["disabled"]


def test_the_audit_keeps_no_name_that_nobody_has(door: Door, people: None) -> None:
    """People type passwords into the wrong box."""
    wrong_password(door, "my secret password 42")
    for event in AuditEvent.objects.values():
        assert "my secret password 42" not in str(event)
    assert AuditEvent.objects.filter(event="login:password:refused").count() == 1


def test_the_real_hash_is_the_one_of_the_recommendation(settings: Settings) -> None:
    """OWASP Password Storage: Argon2id, t=2, m=19456 KiB, p=1."""
    settings.PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
    assert make_password("x" * 12).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
