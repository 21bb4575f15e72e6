"""The engine that `DATABASES` names; Django wants it in a module of this name."""

import select
from functools import partial
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError, errors
from psycopg.pq import ConnStatus

_patience: float | None = None


def wait_at_most(seconds: float) -> None:
    """Let no statement of this process wait longer for its answer: a server that hangs would keep the thread for ever."""
    global _patience
    _patience = seconds


def _wait(connection: Connection[Any], gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
    try:
        return Connection.wait(connection, gen, interval, _patience if timeout is None else timeout)
    except errors._WaitTimeout as error:
        if timeout is not None:
            raise
        connection.close()  # the answer may still come, and would be taken for that of the next statement
        raise OperationalError("The database did not answer in time.") from error


class DatabaseWrapper(base.DatabaseWrapper):
    """Each thread keeps its connection, and looks before each request whether the server has ended it.

    Django asks with SELECT 1, a tenth of a millisecond of CPU and a round trip each time. A server that stops or ends a session says
    so on the socket, and then there is something to read where nothing was asked; one that vanished without a word is noticed by
    keepalives and tcp_user_timeout, which SELECT 1 would wait for as well.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that waits for an answer no longer than `wait_at_most` said."""
        connection = super().get_new_connection(conn_params)
        if _patience is not None:
            connection.wait = partial(_wait, connection)  # psycopg gives no other place to say it
        return connection

    def is_usable(self) -> bool:
        """Whether the connection is open and nothing came on it that nobody asked for."""
        if self.connection is None or self.connection.closed:
            return False
        if self.connection.pgconn.status != ConnStatus.OK:
            return False
        watched = select.poll()  # select.select() refuses descriptors from 1,024 on
        watched.register(self.connection.fileno(), select.POLLIN)
        return not watched.poll(0)
