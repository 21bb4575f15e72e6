"""The broker made of files: whole messages only, each taken once."""

import threading
from collections import Counter
from pathlib import Path

import pytest
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError

from core import broker


def queue_of(folder: Path) -> Queue:
    """A queue of the test's own: kombu remembers the names of a process, whatever the folder."""
    return Queue(folder.name, Exchange(folder.name), routing_key=folder.name)


def connect(folder: Path) -> Connection:
    return Connection(f"{broker.SCHEME}://", transport_options=broker.options(folder))


def publish(folder: Path, number: int) -> None:
    with connect(folder) as connection, connection.Producer() as producer:
        queue = queue_of(folder)
        producer.publish(
            {"number": number}, exchange=queue.exchange, routing_key=folder.name, declare=[queue]
        )


def take_all(folder: Path) -> list[int]:
    taken: list[int] = []
    with connect(folder) as connection, connection.SimpleQueue(queue_of(folder)) as queue:
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return taken
            taken.append(message.payload["number"])
            message.ack()


def test_a_message_comes_out_as_it_went_in_and_leaves_no_file_behind(tmp_path: Path) -> None:
    publish(tmp_path, 7)
    assert take_all(tmp_path) == [7]
    assert list(tmp_path.rglob("*.msg")) == []


def test_messages_come_out_in_the_order_they_went_in(tmp_path: Path) -> None:
    for number in range(10):
        publish(tmp_path, number)
    assert take_all(tmp_path) == list(range(10))


def test_a_message_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    (whole,) = (tmp_path / "messages").iterdir()
    (tmp_path / "messages" / ".draft").write_text(
        '{"bod'
    )  # what a writer in the middle of its work leaves to see
    assert take_all(tmp_path) == [1]
    assert not whole.exists()


def test_a_broken_message_is_dropped_and_the_next_one_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path, 1)
    (tmp_path / "messages" / f"00000000000000000000_x.{tmp_path.name}.msg").write_text('{"bod')
    assert take_all(tmp_path) == [1]
    assert "cannot be read" in caplog.text


def test_writers_and_readers_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    taken: list[int] = []
    writers = [
        threading.Thread(target=lambda first=first: [publish(tmp_path, first + n) for n in range(25)])
        for first in (0, 100, 200)
    ]
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            taken.extend(take_all(tmp_path))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join(30)
    done.set()
    for thread in readers:
        thread.join(30)
    taken.extend(take_all(tmp_path))
    assert Counter(taken) == {first + n: 1 for first in (0, 100, 200) for n in range(25)}


def test_only_the_owner_can_read_the_messages(tmp_path: Path) -> None:
    publish(tmp_path / "broker", 1)
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "broker", *(tmp_path / "broker").rglob("*"))]
    assert set(modes) == {0}


def test_a_folder_that_cannot_be_written_is_an_error_to_the_one_who_publishes(tmp_path: Path) -> None:
    options = broker.options(tmp_path)
    (tmp_path / "messages").rename(tmp_path / "gone")
    with (
        pytest.raises((OperationalError, OSError)),
        Connection(f"{broker.SCHEME}://", transport_options=options | {"max_retries": 0}) as connection,
        connection.Producer() as producer,
    ):
        producer.publish(
            {}, exchange=queue_of(tmp_path).exchange, routing_key=tmp_path.name, declare=[queue_of(tmp_path)]
        )
