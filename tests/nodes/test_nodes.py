"""Several nodes are one product: what begins at one goes on at the other, what ends, ends everywhere, and what counts, counts once."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import Barrier
from urllib.parse import quote, urlsplit

import pytest

from tests.nodes.house import DATABASE_PASSWORD, REDIS_PASSWORD, House, connections_of, kill, running_house
from tests.nodes.people import ADA, CHIEF, OTHERS, PASSWORD
from tests.nodes.visitor import Answer, Visitor
from tests.services.processes import children, descendants
from tests.services.product import ROOT, Product, launched, wait_until_up
from tests.waiting import until

BEN, BEA, BOB, BERT, BELA = OTHERS
THREADS = 8  # of each web process
WEB = THREADS + 1  # and the one that watches for changes
WORKER = 2 * 2  # two processes, each with such a watcher
CLOCK = 1  # it looks whether the worker lives


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All of it, for every test here."""
    with running_house(tmp_path_factory.mktemp("house")) as running:
        yield running


def tokens(house: House, username: str, *, address: str = "127.0.0.5") -> tuple[Visitor, dict[str, str]]:
    """A program that has signed in as somebody without a second factor."""
    visitor = house.visitor(address)
    gained = visitor.sign_in(username, PASSWORD, nodes=[house.a, house.b])
    assert gained["step"] == "done", gained
    return visitor, gained


def is_in(visitor: Visitor, token: str, *, at: Product) -> bool:
    return visitor.ask("GET", "/api/v1/me/", at=at, bearer=token).status == 200


def test_of_two_nodes_that_start_at_once_on_an_empty_database_one_migrates_and_the_other_waits(
    house: House,
) -> None:
    waited = [node for node in (house.a, house.b) if "waiting for it" in node.log]
    assert len(waited) == 1
    applied = house.rows("SELECT app, name, count(*) FROM django_migrations GROUP BY app, name")
    assert applied
    assert {times for _app, _name, times in applied} == {1}


def test_a_sign_in_begun_at_one_node_goes_on_at_the_other(house: House) -> None:
    ada, before = house.visitor(), len(house.codes(ADA))
    answer = ada.sign_in(ADA, PASSWORD, nodes=[house.a, house.b])
    assert answer["step"] == "code"
    code = house.next_code(ADA, after=before)
    done = ada.ask("POST", "/api/v1/login/code/", {"handle": answer["handle"], "code": code}, at=house.a).body
    assert done["step"] == "done"
    assert is_in(ada, done["access_token"], at=house.b)


def test_the_pages_work_over_https_through_nginx(house: House) -> None:
    ben = house.visitor()
    login = ben.ask("GET", "/login/")
    assert login.status == 200
    assert login.headers["Strict-Transport-Security"]
    assert re.fullmatch("[0-9a-f]{32}", login.headers["X-Request-Id"])
    form = next(form for form in login.page.forms if "username" in form.values)
    step = ben.ask("POST", "/login/", form=form.values | {"username": BEN}, headers=_origin(house))
    assert (step.status, step.headers["Location"]) == (302, "/login/password/")
    form = next(form for form in ben.ask("GET", "/login/password/").page.forms if "password" in form.values)
    done = ben.ask(
        "POST", "/login/password/", form=form.values | {"password": PASSWORD}, headers=_origin(house)
    )
    assert done.status == 302
    assert ben.ask("GET", "/account/").status == 200
    assert all(ben.ask("GET", "/account/", at=node).status == 200 for node in (house.a, house.b))
    assert {"__Host-session", "__Host-csrf", "__Host-browser"} <= set(ben.attributes)
    for name, cookie in ben.attributes.items():
        assert (cookie["secure"], cookie["domain"]) == (True, ""), name
        assert cookie["path"] == "/" if name.startswith("__Host-") else name.startswith("__Secure-"), name


def test_a_form_from_elsewhere_is_refused_through_nginx(house: House) -> None:
    ben = house.visitor()
    form = next(form for form in ben.ask("GET", "/login/").page.forms if "username" in form.values)
    values = form.values | {"username": BEN}
    elsewhere = ben.ask("POST", "/login/", form=values, headers={"Origin": "https://evil.example"})
    bare = ben.ask(
        "POST", "/login/", form={"username": BEN}, headers={"Referer": f"https://{house.front.host}/login/"}
    )
    in_clear = ben.ask("POST", "/login/", form=values, headers={"Origin": f"http://{house.front.host}"})
    assert [one.status for one in (elsewhere, bare, in_clear)] == [403, 403, 403]


def _origin(house: House) -> dict[str, str]:
    return {"Origin": f"https://{house.front.host}"}


def test_who_comes_in_clear_is_sent_to_https(house: House) -> None:
    door = HTTPConnection("127.0.0.1", house.front.port_in_clear, timeout=5)
    door.request("GET", "/login/?next=/account/", headers={"Host": house.front.host})
    answer = door.getresponse()
    assert (answer.status, answer.headers["Location"]) == (
        301,
        f"https://{house.front.host}/login/?next=/account/",
    )
    straight = house.visitor("127.0.0.1").straight(house.a, "GET", "/login/", X_Forwarded_Proto="http")
    assert (straight.status, straight.headers["Location"]) == (301, f"https://{house.front.host}/login/")


def test_a_session_ended_at_one_node_is_dead_at_the_other_within_a_second(house: House) -> None:
    program, gained = tokens(house, BEN)
    token = gained["access_token"]
    assert is_in(program, token, at=house.a)
    assert is_in(program, token, at=house.b)
    assert program.ask("POST", "/api/v1/tokens/revoke/", {"token": token}, at=house.a).status == 200
    took = until(lambda: not is_in(program, token, at=house.b), seconds=3)
    assert took < 1
    assert not is_in(program, token, at=house.a)


def administrator(house: House) -> tuple[Visitor, str]:
    """Root, signed in, with his access token."""
    root, before = house.visitor("127.0.0.7"), len(house.codes(CHIEF))
    handle = root.sign_in(CHIEF, PASSWORD, nodes=[house.a, house.b])["handle"]
    code = {"handle": handle, "code": house.next_code(CHIEF, after=before)}
    done = root.ask("POST", "/api/v1/login/code/", code, at=house.a).body
    assert done["step"] == "done"
    return root, done["access_token"]


def test_a_signing_key_revoked_at_one_node_is_worth_nothing_at_the_other_within_a_second(
    house: House,
) -> None:
    root, bearer = administrator(house)
    program, gained = tokens(house, BELA)
    old = gained["access_token"]
    assert all(is_in(program, old, at=node) for node in (house.a, house.b))
    (key,) = root.ask("GET", "/api/v1/signing-keys/", at=house.a, bearer=bearer).body["results"]
    assert key["state"] == "active"
    done = root.ask("POST", f"/api/v1/signing-keys/{key['id']}/revoke/", {}, at=house.a, bearer=bearer)
    assert done.status == 200, done.text
    assert until(lambda: not is_in(program, old, at=house.b), seconds=3) < 1
    assert not is_in(program, old, at=house.a)
    shown = program.ask("GET", "/.well-known/jwks.json", at=house.b).body["keys"]
    assert key["kid"] not in {one["kid"] for one in shown}
    # The session goes on: its next token is of the new key, at whatever node.
    spent = {"refresh_token": gained["refresh_token"]}
    fresh = program.ask("POST", "/api/v1/tokens/refresh/", spent, at=house.b).body["access_token"]
    assert all(is_in(program, fresh, at=node) for node in (house.a, house.b))


def test_a_key_of_a_program_that_ends_at_one_node_is_dead_at_the_other_within_a_second(house: House) -> None:
    root, bearer = administrator(house)
    program, gained = tokens(house, BERT)
    token = gained["access_token"]
    sid = program.ask("GET", "/api/v1/me/", at=house.b, bearer=token).body["session"]["id"]
    house.rows(
        "UPDATE accounts_session SET kind = 'key', \"grant\" = '{\"scopes\": []}' WHERE uid = %s RETURNING id",
        sid,
    )
    house.rows("UPDATE core_epoch SET version = version + 1 RETURNING id")
    assert is_in(program, token, at=house.b)
    assert root.ask("DELETE", f"/api/v1/sessions/{sid}/", at=house.a, bearer=bearer).status == 204
    assert until(lambda: not is_in(program, token, at=house.b), seconds=3) < 1
    assert not is_in(program, token, at=house.a)


def test_a_person_disabled_at_one_node_is_out_at_the_other_within_a_second(house: House) -> None:
    root, bearer = administrator(house)
    program, gained = tokens(house, BERT)
    token = gained["access_token"]
    assert is_in(program, token, at=house.b)
    found = root.ask("GET", f"/api/v1/users/?email={quote(BERT)}", at=house.a, bearer=bearer).body["results"]
    address = f"/api/v1/users/{found[0]['id']}/"
    assert root.ask("PATCH", address, {"is_active": False}, at=house.a, bearer=bearer).status == 200
    assert until(lambda: not is_in(program, token, at=house.b), seconds=3) < 1
    spent = {"refresh_token": gained["refresh_token"]}
    assert program.ask("POST", "/api/v1/tokens/refresh/", spent, at=house.b).status == 401
    assert root.ask("PATCH", address, {"is_active": True}, at=house.a, bearer=bearer).status == 200


def test_both_nodes_sign_with_one_key_that_was_made_once(house: House) -> None:
    made = "SELECT count(*) FROM audit_auditevent WHERE event = 'accounts:signingkey:made' AND actor_uid = ''"
    assert house.rows(made) == [(1,)]
    shown = [
        house.visitor().ask("GET", "/.well-known/jwks.json", at=node).text for node in (house.a, house.b)
    ]
    assert shown[0] == shown[1]


def test_wrong_passwords_at_both_nodes_count_together(house: House) -> None:
    mallory = house.visitor("127.0.0.6")
    nodes: list[Product] = [house.a, house.b]
    codes = [
        mallory.sign_in(BEA, "a wrong guess", nodes=[nodes[number % 2], nodes[(number + 1) % 2]])["code"]
        for number in range(10)
    ]
    assert set(codes) == {"try_again"}
    for node in nodes:
        refused = mallory.sign_in(BEA, PASSWORD, nodes=[node])
        assert (refused["status"], refused["code"]) == (429, "too_many")


def test_a_code_sent_to_both_nodes_at_the_same_moment_is_used_once(house: House) -> None:
    ada, before = house.visitor(), len(house.codes(ADA))
    handle = ada.sign_in(ADA, PASSWORD, nodes=[house.a, house.b])["handle"]
    code = house.next_code(ADA, after=before)
    answers = _at_once(
        house, "/api/v1/login/code/", {"handle": handle, "code": code}, address="127.0.0.5", times=3
    )
    assert Counter(one.body.get("step") == "done" for one in answers)[True] == 1, [
        one.text for one in answers
    ]
    assert not any(one.status >= 500 for one in answers)


def test_a_refresh_token_used_at_both_nodes_ends_the_session(house: House) -> None:
    program, gained = tokens(house, BOB)
    spent = {"refresh_token": gained["refresh_token"]}
    answers = _at_once(house, "/api/v1/tokens/refresh/", spent, address="127.0.0.5", times=1)
    assert sorted(one.status for one in answers) == [200, 401]
    fresh = next(one for one in answers if one.status == 200).body["access_token"]
    for node in (house.a, house.b):
        assert until(lambda node=node: not is_in(program, fresh, at=node), seconds=3) < 1


def _at_once(house: House, path: str, body: dict[str, str], *, address: str, times: int) -> list[Answer]:
    """The same request, so often to each node, all at the same moment."""
    nodes = [house.a, house.b] * times
    barrier = Barrier(len(nodes))

    def send(node: Product) -> Answer:
        barrier.wait()
        return house.visitor(address).ask("POST", path, body, at=node)

    with ThreadPoolExecutor(len(nodes)) as threads:
        return list(threads.map(send, nodes))


SPOOFED = "203.0.113.66"
CLAIMS = {
    "X-Forwarded-For": f"{SPOOFED}, 127.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "Forwarded": f"for={SPOOFED};host=evil.example;proto=http",
    "X-Real-IP": SPOOFED,
    "X-Request-Id": "chosen-by-a-stranger",
}


def test_nobody_chooses_the_address_that_he_is_counted_by(house: House) -> None:
    through, straight = house.visitor("127.0.0.7"), house.visitor("127.0.0.8")
    begun = through.ask("POST", "/api/v1/login/", {"username": BERT}, headers=CLAIMS)
    assert begun.status == 201
    assert "chosen-by-a-stranger" not in str(begun.headers)
    through.ask(
        "POST",
        "/api/v1/login/password/",
        {"handle": begun.body["handle"], "password": "wrong"},
        headers=CLAIMS,
    )
    headers = {name.replace("-", "_"): value for name, value in CLAIMS.items()}
    # A stranger who reaches a node's own port is nobody's proxy: nothing that he claims is believed, not even HTTPS.
    past = straight.straight(
        house.a, "POST", "/api/v1/login/", {"username": BERT}, **headers | {"X_Forwarded_Proto": "https"}
    )
    assert past.status == 301
    seen = {address for (address,) in house.rows("SELECT DISTINCT address FROM audit_auditevent")}
    assert "127.0.0.7" in seen
    assert SPOOFED not in seen


def test_another_host_is_not_answered(house: House) -> None:
    stranger = house.visitor("127.0.0.7")
    with pytest.raises(ConnectionResetError):  # or RemoteDisconnected, which is one: closed without a word
        stranger.ask("GET", "/login/", headers={"Host": "evil.example"})
    assert stranger.straight(house.a, "GET", "/login/", Host="evil.example").status == 400


def test_the_rate_of_the_api_is_one_for_all_nodes(house: House) -> None:
    stranger = house.visitor("127.0.0.9")
    began = time.monotonic()

    def let_through(node: Product, calls: int) -> int:
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(stranger.ask, "GET", "/api/v1/me/", at=node) for _call in range(calls)]
            return Counter(one.result().status for one in asked)[401]

    here = let_through(house.a, 280)
    time.sleep(0.6)
    let_through(house.b, 1)  # its copy was full; now it hears what is left
    time.sleep(0.6)
    there = let_through(house.b, 280)
    refilled = 300 / 60 * (time.monotonic() - began)
    assert here == 280
    assert here + there <= 300 + refilled + 2
    assert there < 200


def test_connections_to_the_database_are_few_and_nobody_shares_one(house: House) -> None:
    def hammer(number: int) -> list[int]:
        visitor = house.visitor(f"127.0.1.{number + 1}")
        return [
            visitor.ask("POST", "/api/v1/login/", {"username": f"nobody-{number}@acme.example"}).status
            for _call in range(6)
        ]

    until(lambda: "gatehouse worker" in dict(house.rows(_BY_NAME)), seconds=60, what="the worker is there")
    most: Counter[str] = Counter()
    with ThreadPoolExecutor(24) as threads:
        asked = [threads.submit(hammer, number) for number in range(24)]
        while not all(one.done() for one in asked):
            most |= Counter(dict(house.rows(_BY_NAME)))
            time.sleep(0.05)
        assert {status for one in asked for status in one.result()} == {201}
    assert THREADS < most["gatehouse web"] <= 2 * WEB  # two web processes
    assert 0 < most["gatehouse worker"] <= WORKER
    assert most["gatehouse clock"] <= CLOCK
    assert set(most) <= {"gatehouse web", "gatehouse worker", "gatehouse clock", "gatehouse"}
    port = urlsplit(house.database.url).port or 0
    # Who forks holds none, so that no child can come by its parent's.
    worker, _clock = children(house.work.process.pid)
    for pid in (house.a.process.pid, house.b.process.pid, house.work.process.pid, worker):
        assert connections_of(pid, port=port) == 0
    assert sum(connections_of(pid, port=port) for pid in descendants(worker)) == most["gatehouse worker"]


_BY_NAME = (
    "SELECT application_name, count(*) FROM pg_stat_activity "
    "WHERE datname = 'gatehouse' AND usename = 'gatehouse' GROUP BY application_name"
)


def test_what_travels_to_the_servers_is_encrypted(house: House) -> None:
    rows = house.rows(
        "SELECT ssl, count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'gatehouse' GROUP BY ssl"
    )
    assert [encrypted for encrypted, _number in rows] == [True]


def test_a_dead_node_fails_no_page_and_an_older_one_serves_on_a_newer_database(house: House) -> None:
    def look(number: int) -> set[int]:
        visitor, seen = house.visitor(f"127.0.2.{number + 1}"), set()
        until_then = time.monotonic() + 3
        while time.monotonic() < until_then:
            seen.add(visitor.ask("GET", "/login/").status)
        return seen

    with ThreadPoolExecutor(4) as threads:
        looking = [threads.submit(look, number) for number in range(4)]
        time.sleep(0.7)
        kill(house.b)
        assert set().union(*(one.result() for one in looking)) == {200}
    house.rows(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_of_a_later_version', now()) RETURNING id"
    )
    environment = house.environment | {"PORT": str(house.b.port)}
    with launched(house.b.folder, "--only", "web", "--workers", "1", **environment) as again:
        wait_until_up(again)
        assert house.visitor().ask("GET", "/login/", at=again).status == 200


def test_no_password_of_a_server_stands_in_a_log(house: House) -> None:
    secrets = {one for word in (DATABASE_PASSWORD, REDIS_PASSWORD) for one in (word, quote(word, safe=""))}
    wrong = house.environment | {
        "DATABASE_URL": house.environment["DATABASE_URL"].replace(":d%40ta", ":other-d%40ta"),
        "REDIS_URL": house.environment["REDIS_URL"].replace(":r%40e", ":other-r%40e"),
        "DATA_DIR": str(house.b.folder),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "LOG_LEVEL": "DEBUG",
    }
    run = subprocess.run(
        [sys.executable, "-c", _ASK_BOTH],
        cwd=ROOT,
        env=os.environ | wrong,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stderr.count("password authentication failed") >= 1
    assert run.stderr.count("invalid username-password pair") >= 2
    said = [house.a.log, house.b.log, house.work.log, house.front.log, run.stdout, run.stderr]
    assert not [secret for secret in secrets for text in said if secret in text]


_ASK_BOTH = """
import logging, django
django.setup()
from django.conf import settings
from django.db import connection
from core.ratesharing import connect
from portal.celery import app
for ask in (
    connection.ensure_connection,
    connect(settings.REDIS_URL).ping,
    lambda: app.connection().ensure_connection(max_retries=1, interval_start=0, errback=print),
):
    try:
        ask()
    except Exception:
        logging.exception("refused")
"""
