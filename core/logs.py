"""What a line of the log is: one JSON object, or one readable line for a person at a terminal.

Whatever logs (our code, Django, Celery, the web server) ends at the handler of the root logger, and its formatter is made here. So
one place decides what a line may hold: known fields alone, no address as it was asked for (that of a mailed link is a secret),
nothing that the request carried, and nothing that looks like a secret.
"""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest
from structlog.processors import format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from core.routes import method_of, request_id, route_of
from core.scrub import scrubbed, shortened, without

# The fields that a line may have besides the fixed ones; what a library adds of its own is not looked at.
FIELDS = ("method", "route", "status", "ms")
_BODY_READ = 1_000_000
_EXCEPTION_READ = 200_000
_service = "manage"
_oddities = logging.getLogger("python")


def in_service(name: str) -> None:
    """Say in every further line of this process that it is the web, the worker or the clock."""
    global _service
    _service = name


class Lines(ProcessorFormatter):
    """The formatter of the root handler; `style` is "json" or "line"."""

    def __init__(self, *, style: str) -> None:
        super().__init__(
            foreign_pre_chain=[ExtraAdder(FIELDS)],
            processors=[_of_request, _exception, _described, _as_json if style == "json" else _as_line],
        )

    def format(self, record: logging.LogRecord) -> str:
        """The finished line; one that cannot be made says so, and not what was in it."""
        try:
            return super().format(record)
        except Exception as error:
            # The standard library would print the message and its arguments as they are.
            broken = logging.makeLogRecord({"name": record.name, "levelname": record.levelname})
            broken.msg = f"a line of the log could not be made: {type(error).__name__}"
            return super().format(broken)


def _of_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """What Django says of a request, without the address, header or value that it names; the fields say which request it was."""
    record: logging.LogRecord = event["_record"]
    request = getattr(record, "request", None)
    if not isinstance(request, HttpRequest):
        return event
    if record.name.startswith("django.security.") and record.name != "django.security.csrf":
        event["event"] = record.name.rpartition(".")[2]  # the message quotes what was asked for
    elif record.name.startswith("django."):
        event["event"] = str(event["event"]).partition(": ")[0].partition(" - ")[0]
    event.update(method=method_of(request), route=route_of(request))
    if status := getattr(record, "status_code", None):
        event["status"] = status
    return event


def _exception(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The traceback as text (never with local variables), without the values that the request brought."""
    record: logging.LogRecord = event["_record"]
    if event.get("status", 500) < 500:
        event.pop("exc_info", None)  # the fault is the client's, and the message may quote him
    event = format_exc_info(logger, name, event)
    text = event.get("exception") or event.pop("stack_info", None)
    if text:
        request = getattr(record, "request", None)
        known = _carried(request) if isinstance(request, HttpRequest) else ()
        event["exception"] = without(shortened(str(text), _EXCEPTION_READ), known)
    return event


def _carried(request: HttpRequest) -> Iterator[str]:
    """Every value that the request brought, whoever has read it already."""
    with suppress(Exception):  # it is what went wrong that is being told
        yield from (str(one) for one in getattr(request.resolver_match, "kwargs", {}).values())
        yield from request.COOKIES.values()
        yield from (one for name, one in request.META.items() if name.startswith("HTTP_"))
        yield from (value for _field, value in parse_qsl(request.META.get("QUERY_STRING", "")))
        for form in (request.GET, getattr(request, "_post", {})):
            yield from (str(one) for values in dict(form).values() for one in values)
    with suppress(Exception):
        body = _body(request)
        yield from (value for _field, value in parse_qsl(body))
        yield from _texts(json.loads(body))


def _body(request: HttpRequest) -> str:
    kept = getattr(request, "_body", None)
    if kept is None:
        kept = request.META["wsgi.input"].getvalue()  # portal.asgi holds it whole
    return bytes(kept[:_BODY_READ]).decode(errors="replace")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _described(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The fixed fields first, everything scrubbed."""
    record: logging.LogRecord = event["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {
        "timestamp": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "service": _service,
        "logger": record.name,
    }
    if named := request_id.get():
        line["request_id"] = named
    line["event"] = scrubbed(str(event.get("event", "")))
    for name in FIELDS:
        if (value := event.get(name)) is not None:
            line[name] = value if isinstance(value, int | float) else scrubbed(str(value))
    if "exception" in event:
        line["exception"] = scrubbed(event["exception"])
    return line


def _as_json(_logger: WrappedLogger, _name: str, line: EventDict) -> str:
    # ASCII: no control character, no character that turns the writing round, stands in a line as itself.
    return json.dumps(line, ensure_ascii=True, allow_nan=False)


def _as_line(_logger: WrappedLogger, _name: str, line: EventDict) -> str:
    fields = [f"{name}={line[name]}" for name in FIELDS if name in line]
    named = [f"[{line['request_id']}]"] if "request_id" in line else []
    words = [
        line["timestamp"],
        line["level"].upper(),
        line["service"],
        line["logger"],
        *named,
        line["event"],
        *fields,
    ]
    text = _printable(" ".join(str(word) for word in words))
    # Each line of a traceback is set in, so that none of them can pass for a line of the log.
    more = [f"\n    {_printable(one)}" for one in str(line.get("exception", "")).splitlines()]
    return text + "".join(more)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def take_over() -> None:
    """Have what Python itself prints (warnings, what nobody caught) become lines of the log, too."""
    logging.captureWarnings(True)

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _oddities.critical("nobody caught this", exc_info=(kind, error, trace))

    def uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
            _oddities.critical(
                "nobody caught this", exc_info=(told.exc_type, told.exc_value, told.exc_traceback)
            )

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
