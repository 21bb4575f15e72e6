"""Where the Configuration Server is: in this process (the default), or at the address that the settings name."""

import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from configserver import service, tree
from configserver.contract import ConfigurationServer
from configserver.remote.config import Config
from core import epoch
from core.options import Snapshot

if TYPE_CHECKING:
    from configserver.remote.client import Remote


@dataclass(frozen=True)
class _Found:
    config: Config | None


def _embedded() -> Config | None:
    return None


_read: Callable[[], Config | None] = _embedded
_lock = Lock()
_remote: "tuple[int, Remote] | None" = None  # with the process that it belongs to
_config = epoch.Cached[str, _Found](lambda _one: _Found(_read()))


def told_by(read: Callable[[], Config | None]) -> None:
    """Let this function say which remote server the settings name (None: none). The settings lie above this package."""
    global _read
    _read = read
    _config.forget()


def serve_here() -> None:
    """This process is the Configuration Server, whatever the settings of its database say to portals."""
    told_by(_embedded)


def remote() -> "Remote | None":
    """The remote server that is in force."""
    return _of(_config("").config)


def _of(config: Config | None) -> "Remote | None":
    if config is None:
        _end()
        return None
    return _client(config)


def _end() -> None:
    """Nobody is asked any more: the thread that listens ends, and connections are closed."""
    global _remote
    if _remote is not None:
        with _lock:
            gone, _remote = _remote, None
        if gone is not None:
            gone[1].end()


def _client(config: Config) -> "Remote":
    global _remote
    from configserver.remote.client import Remote  # read in where there is one

    with _lock:
        # A child of this process makes connections of its own.
        if _remote is None or _remote[0] != os.getpid() or _remote[1].config != config:
            gone, _remote = _remote, (os.getpid(), Remote(config))
            if gone is not None:
                gone[1].end()
        return _remote[1]


def address() -> str:
    """Host and port of the primary remote server; empty where it is embedded."""
    far = remote()
    return "" if far is None else urlsplit(far.config.servers[0]).netloc


def server() -> ConfigurationServer:
    """The one in force."""
    return remote() or service


def version() -> Hashable:
    """Under what to keep what was worked out with the help of the Configuration Server. Waits for nobody."""
    now = epoch.current()
    far = _of(_config.under(now, "").config)
    return now if far is None else (now, far.generation)


def settings_of(dbid: int | None, environment: Snapshot) -> Snapshot:
    """The settings for persons of this tenant, over those of ENVIRONMENT; what is pinned stays."""
    return tree.overlaid(server().rules_above(dbid), environment)
