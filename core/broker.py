"""A message broker made of files, for one machine without Redis: kombu's filesystem transport with its traps taken out.

As shipped, a reader can take a file that is still being written (and end the worker), and messages are taken by way of the
system's temporary directory, where a move is a copy and two readers can both win. Here one rename makes each file appear, and
one makes it disappear.
"""

import json
import logging
import os
import threading
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem

logger = logging.getLogger(__name__)
SCHEME = "gatehouse-files"
POLL_SECONDS = 0.2
LOOK_UP_SECONDS = 0.5
_binding = threading.Lock()


def options(folder: Path) -> dict[str, Any]:
    """Transport options for a broker in this folder, which is made (0700) where it is missing."""
    paths = {name: folder / name for name in ("messages", "taken", "control")}
    for path in (folder, *paths.values()):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "data_folder_in": str(paths["messages"]),
        "data_folder_out": str(paths["messages"]),
        "processed_folder": str(paths["taken"]),
        "control_folder": str(paths["control"]),
        "polling_interval": POLL_SECONDS,
    }


class Channel(filesystem.Channel):
    """The filesystem channel with whole files only."""

    # kombu's own classes do not agree on the second name.
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, payload)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        taken_folder = Path(self.processed_folder)
        for name in sorted(os.listdir(self.data_folder_in)):  # noqa: PTH208  (names only: five looks a second)
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = taken_folder / name
            try:
                (Path(self.data_folder_in) / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was first
            try:
                return json.loads(taken.read_bytes())
            except ValueError:
                logger.warning("a message that cannot be read was dropped: %s", name)
            finally:
                taken.unlink()
        raise Empty

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        """Bind a queue; who finds it bound already may rely on its table being written."""
        # kombu notes the binding for the whole process before it writes the table: without the lock, what another thread publishes
        # in between finds no queue and is gone.
        with _binding:
            super().queue_bind(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        row = [routing_key or "", pattern or "", queue or ""]
        rows = [list(known) for known in self.get_table(exchange)]  # type: ignore[no-untyped-call]
        if row not in rows:
            _write_whole(self._exchange_file(exchange), [row, *rows])  # type: ignore[no-untyped-call]


class Transport(filesystem.Transport):
    """The filesystem transport over `Channel`."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        """Wait for messages, but look up twice a second: a worker that waits does not hear that it shall stop."""
        patience = min(timeout or LOOK_UP_SECONDS, LOOK_UP_SECONDS)
        return super().drain_events(connection, timeout=patience, **kwargs)  # type: ignore[no-untyped-call]


def _write_whole(target: Path, value: Any) -> None:
    # The draft's name starts with a dot, so no reader takes it for a message.
    draft = target.with_name(f".{uuid.uuid4().hex}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file)
        draft.rename(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ChannelError(f"The broker's folder cannot be written: {error}") from error


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
