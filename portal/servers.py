"""What `DATABASE_URL` and `REDIS_URL` mean. Refusals never repeat what stands in a URL, for its password may be anywhere in it."""

from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
POSTGRES = {"postgres", "postgresql"}
POSTGRES_OPTIONS = {"sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name"}
SSL_MODES = {
    "disable",
    "require",
    "verify-ca",
    "verify-full",
}  # allow and prefer fall back to clear text in silence
REDIS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}

SQLITE = {
    # IMMEDIATE: a deferred transaction that reads first and writes later fails with "locked" at once, whatever the time-out.
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;",
}
# A server that vanishes without a word is given up after 15 to 16 seconds, whether we were sending or waiting.
NETWORK = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "fallback_application_name": "gatehouse",
}
KEEP_SECONDS = 600  # then a thread takes a new connection, so that the server's memory and a moved host are caught up with


def database(url: str) -> dict[str, Any]:
    """The entry of DATABASES for `sqlite:////path` or `postgres://user:password@host:port/name?sslmode=…`."""
    parts, options = _split(url, "DATABASE_URL")
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:])
        if parts.netloc or options or not path:
            _refuse("DATABASE_URL", "must look like sqlite:////path/of/the/file: no host and no options.")
        engine = "django.db.backends.sqlite3"
        return {"ENGINE": engine, "NAME": path, "OPTIONS": dict(SQLITE), "CONN_MAX_AGE": None}
    if parts.scheme not in POSTGRES:
        _refuse("DATABASE_URL", "must begin with postgres:// or sqlite:///.")
    name = unquote(parts.path[1:])
    if not name or "/" in name:
        _refuse("DATABASE_URL", "must name a database: postgres://user:password@host/name.")
    _allow_only(options, POSTGRES_OPTIONS, "DATABASE_URL")
    host = _host(parts, options)
    _refuse_clear_text(host, options)
    return {
        "ENGINE": "core.postgres",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(_port(parts, "DATABASE_URL") or ""),
        "OPTIONS": NETWORK | options,
        "CONN_MAX_AGE": KEEP_SECONDS,
        "CONN_HEALTH_CHECKS": True,
    }


def redis(url: str) -> str:
    """The same URL with everything said that a client might assume otherwise; empty for none.

    Left to itself, the queue's client takes any certificate where a `rediss://` URL has no options.
    """
    if not url:
        return ""
    parts, options = _split(url, "REDIS_URL")
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        _refuse("REDIS_URL", "must look like redis://user:password@host:6379/0, or rediss:// for TLS.")
    number = parts.path.strip("/") or "0"
    if not (number.isascii() and number.isdecimal()):
        _refuse("REDIS_URL", "must end with the number of a database, such as /0.")
    _port(parts, "REDIS_URL")
    _allow_only(options, REDIS_FILES if parts.scheme == "rediss" else set(), "REDIS_URL")
    for name in options:
        _existing(options, name, "REDIS_URL")
    if parts.scheme == "rediss":
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
    return f"{parts.scheme}://{parts.netloc}/{number}{'?' if options else ''}{urlencode(options)}"


def _split(url: str, name: str) -> tuple[SplitResult, dict[str, str]]:
    try:
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        _refuse(name, "cannot be read. Write special characters percent-coded: @ as %40, / as %2F.")
    if parts.fragment:
        _refuse(name, "holds a #. Write it percent-coded, as %23.")
    if len(dict(given)) != len(given):
        _refuse(name, "says the same option twice.")
    return parts, dict(given)


def _port(parts: SplitResult, name: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        _refuse(name, "has no proper port. Write special characters percent-coded: : as %3A, / as %2F.")


def _host(parts: SplitResult, options: dict[str, str]) -> str:
    folder = options.pop("host", "")
    if bool(folder) == bool(parts.hostname) or (folder and not folder.startswith("/")):
        _refuse("DATABASE_URL", "must name one host, or the folder of a socket by ?host=/run/postgresql.")
    return folder or unquote(parts.hostname or "")


def _refuse_clear_text(host: str, options: dict[str, str]) -> None:
    mode = options.get("sslmode")
    if mode is None and host not in LOOPBACK and not host.startswith("/"):
        _refuse(
            "DATABASE_URL",
            "leads to another machine. Add ?sslmode=verify-full&sslrootcert=/path/of/ca.pem, "
            "or ?sslmode=disable where nobody else can listen.",
        )
    if mode is not None and mode not in SSL_MODES:
        _refuse("DATABASE_URL", f"knows these values of sslmode: {', '.join(sorted(SSL_MODES))}.")
    if mode in {"verify-ca", "verify-full"} and "sslrootcert" not in options:
        _refuse("DATABASE_URL", "must name the authority to trust: &sslrootcert=/path/of/ca.pem.")
    for name in {"sslrootcert", "sslcert", "sslkey"} & set(options):
        _existing(options, name, "DATABASE_URL")


def _allow_only(options: dict[str, str], known: set[str], name: str) -> None:
    if set(options) - known:
        allowed = f"one of {', '.join(sorted(known))}" if known else "none"
        _refuse(name, f"has an option that is not known here; allowed is {allowed}.")


def _existing(options: dict[str, str], option: str, name: str) -> None:
    if not Path(options[option]).is_file():
        _refuse(name, f"names a file as {option} that is not there.")


def _refuse(name: str, sentence: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} {sentence}") from None
