"""What a watcher is told."""

import pytest
from django.db import DatabaseError, connection
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_healthy_process_says_so_to_anyone(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_a_dead_database_makes_it_alive_but_not_ready(client: Client) -> None:
    def dead(*args: object) -> None:
        raise DatabaseError("connection to 10.0.0.7 refused")

    with connection.execute_wrapper(dead):
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert b"10.0.0.7" not in answer.content
