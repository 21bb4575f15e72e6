"""Idempotency keys: a create that is sent twice is done once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connections

from accounts.models import User
from core import idempotency
from core.models import IdempotentAnswer
from core.sealed import NOTHING
from tenants.models import Company, Role
from tests.cast import Api, Call

KEY = {"Idempotency-Key": "6f1c0a1e-first"}
BODY = {"name": "Lead", "rank": 1}


def test_the_same_key_and_body_get_the_same_answer(api: Call, ada: User) -> None:
    program = api(ada)
    first = program.post("roles/", BODY, KEY)
    again = program.post("roles/", BODY, KEY)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Role.objects.filter(name="Lead").count() == 1


def test_another_body_under_the_same_key_is_refused(api: Call, ada: User) -> None:
    program = api(ada)
    program.post("roles/", BODY, KEY)
    answer = program.post("roles/", BODY | {"name": "Other"}, KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert not Role.objects.filter(name="Other").exists()


def test_a_key_belongs_to_its_caller_and_its_path(api: Call, root: User, ada: User, cleo: User) -> None:
    api(ada).post("roles/", BODY, KEY)
    theirs = api(cleo).post("roles/", BODY, KEY)
    assert theirs.status_code == 201
    assert "Idempotency-Replayed" not in theirs.headers
    elsewhere = api(root).post("companies/", {"name": "Lead"}, KEY)
    assert elsewhere.status_code == 201


def test_a_new_session_of_the_same_person_gets_the_answer_too(api: Call, ada: User) -> None:
    first = api(ada).post("roles/", BODY, KEY)
    assert api(ada).post("roles/", BODY, KEY).json() == first.json()


def test_a_refusal_frees_the_key(api: Call, ada: User) -> None:
    program = api(ada)
    assert program.post("roles/", {"name": "Lead", "rank": 99}, KEY).status_code == 403
    assert program.post("roles/", {"name": ""}, KEY).status_code == 400
    assert program.post("roles/", b"{", KEY).status_code == 400
    assert program.post("roles/", BODY, KEY).status_code == 201


def test_without_a_key_the_second_is_a_conflict(api: Call, ada: User) -> None:
    program = api(ada)
    assert program.post("roles/", BODY).status_code == 201
    assert program.post("roles/", BODY).json()["code"] == "name_taken"


@pytest.mark.parametrize("key", ["", "é", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(key: str, api: Call, ada: User) -> None:
    answer = api(ada).post("roles/", BODY, {"Idempotency-Key": key.encode().decode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


def test_the_kept_answer_is_sealed(api: Call, ada: User) -> None:
    api(ada).post("roles/", BODY, KEY)
    row = IdempotentAnswer.objects.get()
    assert "Lead" not in row.answer.text
    assert "first" not in row.key


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still."""
    with time_machine.travel(datetime(2026, 11, 22, 9, 0, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def test_after_a_day_the_key_is_free(api: Call, ada: User, clock: time_machine.Traveller) -> None:
    api(ada).post("roles/", BODY, KEY)
    clock.shift(timedelta(hours=24))
    answer = api(ada).post("roles/", {"name": "Other", "rank": 1}, KEY)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    clock.shift(timedelta(hours=24, seconds=1))
    assert idempotency.prune(now=datetime.now(UTC)) == 1


def test_a_request_whose_process_died_holds_the_key_two_minutes(
    api: Call, ada: User, clock: time_machine.Traveller
) -> None:
    program = api(ada)
    program.post("roles/", BODY, KEY)
    IdempotentAnswer.objects.update(status=None, answer=NOTHING)
    Role.objects.filter(name="Lead").delete()
    answer = program.post("roles/", BODY, KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_under_way")
    assert answer.headers["Retry-After"] == "1"
    clock.shift(timedelta(minutes=2))
    assert program.post("roles/", BODY, KEY).status_code == 201


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_is_done(root: User) -> None:
    token = Api(root).headers
    answers: list[int] = []
    begin = threading.Barrier(20)

    def create() -> None:
        program = Api(None)
        program.headers = dict(token)
        begin.wait()
        try:
            answers.append(program.post("companies/", {"name": "Initech"}, KEY).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=create) for _one in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Company.objects.filter(name="Initech").count() == 1
