"""The password hash (OWASP Password Storage: Argon2id, t=2, m=19456 KiB, p=1), and how many are made at once."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

# More hashes than cores at once make none of them ready sooner, and each thread that has made one keeps its 19 MiB.
AT_ONCE = os.cpu_count() or 1
_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hash")


def _begin_anew() -> None:
    global _threads
    _threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="hash")  # threads do not survive a fork


os.register_at_fork(after_in_child=_begin_anew)


class Argon2id(Argon2PasswordHasher):
    """Argon2id at the OWASP minimum; more lanes only hurt on few cores."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1

    def encode(self, *args: Any, **kwargs: Any) -> str:
        """The hash of a password, made as soon as a core is free for it."""
        return _threads.submit(super().encode, *args, **kwargs).result()

    def verify(self, *args: Any, **kwargs: Any) -> bool:
        """Whether the password has this hash, as soon as a core is free to tell."""
        return _threads.submit(super().verify, *args, **kwargs).result()
