"""The engine that `DATABASES` names; Django wants it in a module of this name."""

import select

from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Each thread keeps its connection, and looks before each request whether the server has ended it.

    Django asks with SELECT 1, a tenth of a millisecond of CPU and a round trip each time. A server that stops or ends a session says
    so on the socket, and then there is something to read where nothing was asked; one that vanished without a word is noticed by
    keepalives and tcp_user_timeout, which SELECT 1 would wait for as well.
    """

    def is_usable(self) -> bool:
        """Whether the connection is open and nothing came on it that nobody asked for."""
        if self.connection is None or self.connection.closed:
            return False
        if self.connection.pgconn.status != ConnStatus.OK:
            return False
        watched = select.poll()  # select.select() refuses descriptors from 1,024 on
        watched.register(self.connection.fileno(), select.POLLIN)
        return not watched.poll(0)
