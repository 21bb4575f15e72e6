"""What is answered to whatever watches over us: does the process live, can it serve, and its numbers.

These are answered before everything else: a watcher asks a machine by its address and not by the name that people use, has no session,
and must not wait behind a limit.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import ResolverMatch
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from core import entropy, epoch
from core.http import LOOPBACK_HOSTS, is_from_this_machine
from portal import errors
from portal.metrics import report

View = Callable[[HttpRequest], HttpResponse]


@require_safe
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 while the process answers at all; it looks at nothing else, for a restart mends no database."""
    return _told("ok")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """200 while this process can serve, else 503 and one word: stopping, database, or migrations.

    It asks the database nothing: the thread that reads its version row knows how long it has been silent.
    """
    if stop_sign().exists():
        return _told("stopping", status=503)
    if epoch.silent_for() > epoch.TOO_LONG:
        return _told("database", status=503)
    return _told("ok") if _schema.is_new_enough() else _told("migrations", status=503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers, for who has the token; where there is none, for this machine itself. For everybody else it is not there."""
    if not _may_read(request):
        return errors.page_not_found(request, Http404())
    return HttpResponse(report(), content_type=CONTENT_TYPE_LATEST)


def stop_sign() -> Path:
    """The file that stands while `serve` is about to stop."""
    return Path(settings.DATA_DIR) / "stopping"


def _told(word: str, *, status: int = 200) -> HttpResponse:
    answer = HttpResponse(f"{word}\n", status=status, content_type="text/plain; charset=utf-8")
    answer._has_been_logged = True  # type: ignore[attr-defined]  # Django would call each 503 a fault of ours
    return answer


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and entropy.same(given.strip(), settings.METRICS_TOKEN)
    return is_from_this_machine(request, hosts={*LOOPBACK_HOSTS, *settings.ALLOWED_HOSTS})


class _Schema:
    """Whether the database is not older than the code; asked until it is so, and then never again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_new_enough = False

    def is_new_enough(self) -> bool:
        if self._is_new_enough:
            return True
        if not self._lock.acquire(blocking=False):
            return False  # somebody looks already
        try:
            loader = MigrationLoader(connection)
            self._is_new_enough = set(loader.graph.leaf_nodes()) <= set(loader.applied_migrations)
        except DatabaseError:
            connection.close()
        finally:
            self._lock.release()
        return self._is_new_enough


_schema = _Schema()
_VIEWS: dict[str, View] = {"/livez": livez, "/readyz": readyz, "/metrics": metrics}
_MATCHES = {path: ResolverMatch(view, (), {}, route=path[1:]) for path, view in _VIEWS.items()}


class Watchers:
    """Answers the watchers, and hands every other request on."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _VIEWS.get(request.path_info)
        if view is None:
            return self.get_response(request)
        request.resolver_match = _MATCHES[request.path_info]
        return view(request)
