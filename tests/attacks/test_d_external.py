"""D. Finding out who exists among people of directories: the same words, and the same calls, counted on the way to the directory."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from configserver import service
from configserver.directory import Directory
from configserver.models import Person, Tenant
from tests import directories, directory
from tests.attacks.hashers import Counting
from tests.attacks.observing import answer_of, nobody, plain
from tests.journeys.doors import Door, WebDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.stage import PASSWORD
from tests.services.ldap import Ldap, password_of
from tests.services.proxy import Proxy, ldap_proxy

pytestmark = pytest.mark.django_db
GUESS = "a wrong guess at it"


@pytest.fixture(autouse=True)
def counted(settings: Settings) -> None:
    """Hashes are counted."""
    settings.PASSWORD_HASHERS = ["tests.attacks.hashers.Counting"]
    Counting.count = 0


@pytest.fixture
def proxy(server: Ldap) -> Iterator[Proxy]:
    with ldap_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def watched(proxy: Proxy, server: Ldap) -> Directory:
    """The directory, asked in clear through the proxy, which is allowed on this very machine."""
    return directories.ldap(server, servers=f"ldap://127.0.0.1:{proxy.port}", start_tls=False)


@pytest.fixture
def people(watched: Directory, acme_tenant: Tenant) -> dict[str, str]:
    """One for each way to be known, by what they are."""
    closed = directory.tenant(500, name="Closed", is_active=False)
    in_directory = {
        "known": {},
        "of another tenant": {"tenant": directory.tenant(103, name="Elsewhere")},
        "switched off": {"is_active": False},
        "of a closed tenant": {"tenant": closed},
        "not in the directory": {"external_id": "not.there"},
        "twice in the directory": {"external_id": "twin"},
        "without a password there": {"external_id": "no-password"},
        "locked there": {"external_id": "locked"},
        "expired there": {"external_id": "expired"},
    }
    names = {}
    for number, (kind, more) in enumerate(in_directory.items()):
        names[kind] = f"person{number}"
        usual = {"tenant": acme_tenant, "directory": watched, "external_id": "dora"}
        directory.person(names[kind], **(usual | more))
    names["nobody"] = nobody(place=1, engines=2)
    return names


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What can be seen of one try: the answer, and what it cost."""

    answer: str
    connections: int
    requests: tuple[tuple[str, int], ...]
    hashes: int
    statements: int


def observed(door: Door, name: str, password: str, *, proxy: Proxy) -> Seen:
    one = door.stranger()
    one.begin(name, realm="external")
    hashes = Counting.count
    proxy.forget()
    with CaptureQueriesContext(connection) as queries:
        one.take("password", password=password)
    return Seen(
        answer=plain(answer_of(one), name),
        connections=proxy.connections,
        requests=tuple(sorted(item for item in proxy.requests.items() if item[0] != "unbind")),
        hashes=Counting.count - hashes,
        statements=len([query for query in queries if "core_epoch" not in query["sql"]]),
    )


def warm_up(door: Door, people: dict[str, str], *, proxy: Proxy) -> None:
    """What is read once a change and not once a sign-in, and the connection of the service account."""
    for name in (*people.values(), nobody(place=0, engines=2)):
        observed(door, name, GUESS, proxy=proxy)


def test_everybody_costs_the_same_calls_to_the_directory_and_gets_the_same_answer(
    door: Door, people: dict[str, str], proxy: Proxy
) -> None:
    warm_up(door, people, proxy=proxy)
    seen = {kind: observed(door, name, GUESS, proxy=proxy) for kind, name in people.items()}
    assert seen["known"].connections == 1
    assert dict(seen["known"].requests) == {"search": 1, "bind": 1}
    assert seen["known"].hashes == 0
    different = {kind: one for kind, one in seen.items() if one != seen["known"]}
    assert different == {}, seen["known"]


def test_a_person_who_has_signed_in_before_is_as_unknown_as_any_other(
    door: Door, people: dict[str, str], proxy: Proxy, watched: Directory, acme_tenant: Tenant
) -> None:
    directory.person("egon", tenant=acme_tenant, directory=watched)
    assert sign_in(door.stranger(), "egon", password_of("egon")).step == "done"
    warm_up(door, people, proxy=proxy)
    before = observed(door, people["nobody"], GUESS, proxy=proxy)
    assert observed(door, "egon", GUESS, proxy=proxy) == before


def test_the_right_password_of_whoever_is_kept_out_costs_what_a_wrong_one_does(
    door: Door, people: dict[str, str], proxy: Proxy
) -> None:
    warm_up(door, people, proxy=proxy)
    wrong = observed(door, people["known"], GUESS, proxy=proxy)
    for kind in ("switched off", "of a closed tenant"):
        assert observed(door, people[kind], password_of("dora"), proxy=proxy) == wrong, kind


def test_names_that_the_configuration_server_answers_for_itself_cost_one_hash_each(
    door: Door, people: dict[str, str], proxy: Proxy, acme_tenant: Tenant
) -> None:
    directory.person("kept.here", tenant=acme_tenant, password=PASSWORD)
    directory.person("without", tenant=acme_tenant)
    directory.person("gone", tenant=acme_tenant, password=PASSWORD, is_active=False)
    warm_up(door, people, proxy=proxy)
    names = ["kept.here", "without", "gone", nobody(place=0, engines=2)]
    seen = {name: observed(door, name, GUESS, proxy=proxy) for name in names}
    assert {(one.connections, one.hashes) for one in seen.values()} == {(0, 1)}
    assert len(set(seen.values())) == 1, seen


def test_a_name_is_always_answered_for_by_the_same_engine(
    door: Door, people: dict[str, str], proxy: Proxy
) -> None:
    """Otherwise two tries at one name would tell that nobody has it."""
    for place, hashes in ((1, 0), (0, 1)):
        name = nobody(place=place, engines=2)
        for spelling in (name, name.upper(), f" {name} "):
            assert observed(door, spelling, GUESS, proxy=proxy).hashes == hashes


def test_the_limits_say_nothing_either(door: Door, people: dict[str, str]) -> None:
    said: dict[str, list[str]] = {}
    for kind in ("known", "nobody"):
        said[kind] = []
        for _ in range(11):
            one = type(door)(address=f"203.0.113.{len(said)}")
            one.begin(people[kind], realm="external")
            one.take("password", password=GUESS)
            said[kind].append(plain(answer_of(one), people[kind]))
    assert said["known"] == said["nobody"]


def test_with_the_directory_away_nobody_is_found_out_by_it(
    door: Door, people: dict[str, str], server: Ldap
) -> None:
    """Known people read that the directory is away; so must those of whom the directory would be asked in vain."""
    server.kill()
    said = {}
    for kind in ("known", "nobody", "switched off"):
        one = door.stranger()
        one.begin(people[kind], realm="external")
        one.take("password", password=GUESS)
        said[kind] = plain(answer_of(one), people[kind])
    assert len(set(said.values())) == 1, said


def test_forgotten_passwords_of_external_people_are_asked_about_in_vain(
    door: Door, people: dict[str, str]
) -> None:
    said = set()
    for kind in ("known", "nobody", "switched off"):
        one = door.stranger()
        one.forgotten(people[kind])
        said.add(plain(answer_of(one), people[kind]))
    assert len(said) == 1


def test_the_page_of_the_name_asks_nobody(web: WebDoor, people: dict[str, str], proxy: Proxy) -> None:
    proxy.forget()
    for name in people.values():
        assert web.stranger().begin(name, realm="external").step == "password"
    assert proxy.connections == 0
    assert Person.objects.count() >= len(people) - 1
    assert service.find(people["nobody"]) is None
