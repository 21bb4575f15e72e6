"""What a command says of a fault that whoever started it can mend: one sentence, and no traceback unless it is asked for."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, OperationalError

from core.errors import Unavailable

logger = logging.getLogger(__name__)
_NO_TABLE = "42P01"


def main(arguments: Sequence[str]) -> None:
    """Run one command."""
    if "--traceback" in arguments:
        execute_from_command_line(list(arguments))
        return
    with told():
        execute_from_command_line(list(arguments))


@contextmanager
def told() -> Iterator[None]:
    """End with a sentence (and status 1) what one can mend from outside; at DEBUG the log has the traceback. Other errors pass."""
    try:
        yield
    except Exception as error:
        said = sentence(error)
        if not said:
            raise
        logger.debug("refused", exc_info=True)
        raise SystemExit(said) from None


def sentence(error: Exception) -> str:
    """What to say; nothing of a fault that is ours."""
    if isinstance(error, ImproperlyConfigured | CommandError):
        return str(error)
    if isinstance(error, Unavailable):
        return error.detail
    if isinstance(error, DatabaseError | InterfaceError) and _is_of_the_server(error):
        return f"The database {settings.DATABASES['default']['NAME']} cannot be used: {reason(error)}."
    if isinstance(error, OSError) and _is_of_the_data(error):
        return f"DATA_DIR cannot be used: {reason(error)}."
    return ""


def reason(error: BaseException) -> str:
    """Why, in one line and without a number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}"
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def _is_of_the_server(error: Exception) -> bool:
    # One that is not there, lets nobody in, is no database, or has no tables yet; other kinds are mistakes in a statement.
    kinds = isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
    return kinds or getattr(error.__cause__, "sqlstate", "") == _NO_TABLE


def _is_of_the_data(error: OSError) -> bool:
    if not settings.configured or not isinstance(error.filename, str):
        return False
    path, folder = Path(error.filename).absolute(), Path(settings.DATA_DIR)
    return path.is_relative_to(folder) or folder.is_relative_to(path)
