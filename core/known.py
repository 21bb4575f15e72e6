"""What was found out about texts that come again and again, such as tokens: kept by their hash, and never more than so many."""

import hashlib
from typing import Generic, TypeVar

Found = TypeVar("Found")
MOST = 10_000


class Known(Generic[Found]):
    """A memory of one process. Only what is good goes in, so that nobody can push it out; when it is full, it begins anew."""

    def __init__(self) -> None:
        self._found: dict[bytes, Found] = {}

    def get(self, text: str) -> Found | None:
        """What is known of the text."""
        return self._found.get(_name(text))

    def keep(self, text: str, found: Found) -> None:
        """Remember it."""
        if len(self._found) >= MOST:
            self._found.clear()
        self._found[_name(text)] = found

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()


def _name(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
