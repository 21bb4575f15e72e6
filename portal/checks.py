"""System checks for mixes of settings that each are right and together are not.

The first ones run at every start and refuse it. The others are for `manage.py check --deploy`: what is fine on one's own machine
and not for people's accounts. Each finding, and each of Django's, is explained in docs/deployment.md.
"""

import ipaddress
from collections.abc import Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register  # noqa: A004  (Django's name)

from core.http import Address, Network
from portal import keys

Configs = Sequence[Any] | None
# Networks that no stranger's address is in, however wide they are.
_PRIVATE = [
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
]  # fmt: skip
_WIDEST = {4: 16, 6: 32}  # no balancer of somebody's needs more public addresses than these prefixes hold


# --- at every start ----------------------------------------------------------------------------------------------------
@register
def https_needs_a_proxy(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """An https address is served by a proxy that ends TLS; unnamed, every page would redirect to itself for ever."""
    if not settings.SECURE_SSL_REDIRECT or settings.TRUSTED_PROXIES:
        return []
    return [
        Error(
            "PUBLIC_URL is an https address, and no proxy that ends TLS is named.",
            hint="Name its network in TRUSTED_PROXIES, such as 127.0.0.1/32; it must send X-Forwarded-For and X-Forwarded-Proto.",
            id="portal.E001",
        )
    ]


@register
def proxies_are_networks(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """What is no network cannot be compared with an address, and every request would fail."""
    return [
        Error(
            f"TRUSTED_PROXIES names {name!r}, which is no network.",
            hint="Write networks such as 127.0.0.1/32, separated by commas; host names are not understood.",
            id="portal.E002",
        )
        for name in settings.TRUSTED_PROXIES
        if _network(name) is None
    ]


@register
def own_host_is_served(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Links lead to the host of PUBLIC_URL; were it not among those served, each would end at 400."""
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    if any(
        name == host or (name[:1] == "." and f".{host}".endswith(name))
        for name in map(str.lower, settings.ALLOWED_HOSTS)
    ):
        return []
    return [
        Error(
            f"ALLOWED_HOSTS leaves out {host}, the host of PUBLIC_URL.",
            hint="Add it, or leave ALLOWED_HOSTS unset: then it is the host of PUBLIC_URL.",
            id="portal.E003",
        )
    ]


@register
def demo_is_over(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """The demo's people share a password that lies in a file; they are not for a real installation."""
    if settings.DEMO or not (Path(settings.DATA_DIR) / "demo.stamp").exists():
        return []
    return [
        Warning(
            "The demo's people are in this database, with one password for all.",
            hint="Start with another DATA_DIR, or delete them in the administration and then demo.stamp in DATA_DIR.",
            id="portal.W001",
        )
    ]


# --- what leaves this machine in clear ---------------------------------------------------------------------------------
@register(deploy=True)
def database_is_reached_by_tls(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Without verify-full, libpq sends everything to whoever answers, in clear if that one likes it so."""
    database = settings.DATABASES["default"]
    host = str(database.get("HOST", ""))
    mode = database.get("OPTIONS", {}).get("sslmode", "prefer")
    if "sqlite3" in database["ENGINE"] or _is_here(host) or mode == "verify-full":
        return []
    return [
        Warning(
            f"PostgreSQL on {host} is spoken to with sslmode={mode}: in clear, or with whoever takes its place.",
            hint="Add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to DATABASE_URL.",
            id="portal.W002",
        )
    ]


@register(deploy=True)
def redis_is_reached_by_tls(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Whoever reads or writes what goes to Redis learns its password and can wake or starve the worker."""
    parts = urlsplit(settings.REDIS_URL)
    if not settings.REDIS_URL or _is_here(parts.hostname or ""):
        return []
    found: list[CheckMessage] = []
    if parts.scheme != "rediss":
        found.append(
            Warning(
                f"Redis on {parts.hostname} is spoken to in clear.",
                hint="Write rediss:// in REDIS_URL.",
                id="portal.W003",
            )
        )
    if not parts.password:
        found.append(
            Warning(
                f"Redis on {parts.hostname} is spoken to without a password.",
                hint="Give Redis a user of its own for Gatehouse, and write user:password@ into REDIS_URL.",
                id="portal.W004",
            )
        )
    return found


@register(deploy=True)
def proxy_is_near(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """TLS ends at the proxy; between it and this machine passwords and cookies travel as they are."""
    far = [name for name, network in _proxies() if not network.is_loopback]
    if not far:
        return []
    return [
        Info(
            f"Requests come in clear from {', '.join(far)}.",
            hint="Keep the network between the proxy and this machine private, and this port closed to everybody else.",
            id="portal.I001",
        )
    ]


# --- who is believed ---------------------------------------------------------------------------------------------------
@register(deploy=True)
def few_are_believed(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Whoever stands in TRUSTED_PROXIES chooses the address that limits count and the trail keeps."""
    return [
        Error(
            f"TRUSTED_PROXIES believes {name}: strangers are among them, and can say that they come from anywhere.",
            hint="Name the addresses of your proxies alone, such as 10.0.0.5/32.",
            id="portal.E004",
        )
        for name, network in _proxies()
        if network.prefixlen < _WIDEST[network.version] and not _is_private(network)
    ]


# --- what is for trying only -------------------------------------------------------------------------------------------
@register(deploy=True)
def address_is_public(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """At this machine's own address nobody else can use a mailed link, and cookies go without Secure."""
    if not settings.LOOPBACK:
        return []
    demo = " The demo is on, too: it shows every mail to every visitor." if settings.DEMO else ""
    return [
        Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}, which is this machine alone.{demo}",
            hint="Set PUBLIC_URL to the https address that people use, and DEMO=0.",
            id="portal.W005",
        )
    ]


@register(deploy=True)
def mail_goes_out(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Codes and links that become files reach nobody but whoever reads that folder."""
    if settings.EMAIL_URL or settings.LOOPBACK:
        return []
    return [
        Warning(
            f"Mails are not sent: they become files in {Path(settings.DATA_DIR) / 'outbox'}.",
            hint="Set EMAIL_URL, such as smtp://user:password@mail.example.com:587.",
            id="portal.W006",
        )
    ]


@register(deploy=True)
def sender_has_a_domain(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Mail servers refuse, or hide, what comes from a domain that cannot be looked up."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    if not settings.EMAIL_URL or ("." in domain and _address(domain) is None):
        return []
    return [
        Warning(
            f"Mails are sent from {settings.DEFAULT_FROM_EMAIL!r}, which is no address of a mail domain.",
            hint="Set DEFAULT_FROM_EMAIL to an address whose domain lets your mail server send for it (SPF, DKIM).",
            id="portal.W007",
        )
    ]


@register(deploy=True)
def log_tells_little(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """At DEBUG libraries write what they send; lines are scrubbed of our secrets, not of people's lives."""
    if str(settings.LOG_LEVEL).upper() not in {"DEBUG", "NOTSET"}:
        return []
    return [
        Warning(
            "LOG_LEVEL is DEBUG: the log grows fast, and names people in what libraries write.",
            hint="Set LOG_LEVEL=INFO, and DEBUG for an hour while looking for something.",
            id="portal.W008",
        )
    ]


# --- where it lies -----------------------------------------------------------------------------------------------------
@register(deploy=True)
def one_file_serves_one_machine(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """A Redis elsewhere means several machines, and each would have people and sessions of its own in SQLite."""
    far = bool(settings.REDIS_URL) and not _is_here(urlsplit(settings.REDIS_URL).hostname or "")
    if not far or "sqlite3" not in settings.DATABASES["default"]["ENGINE"]:
        return []
    return [
        Warning(
            "The database is a file of this machine, while Redis is on another.",
            hint="Several machines need one PostgreSQL: set DATABASE_URL.",
            id="portal.W009",
        )
    ]


@register(deploy=True)
def data_lie_apart_from_the_program(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """What replaces or copies the program's folder would replace or copy the people's data, and the keys to them."""
    folder = Path(settings.DATA_DIR)
    if settings.LOOPBACK or not folder.is_relative_to(settings.BASE_DIR):
        return []
    return [
        Warning(
            f"DATA_DIR is {folder}, inside the program's own folder.",
            hint="Move it, to /var/lib/gatehouse for one, and set DATA_DIR.",
            id="portal.W010",
        )
    ]


@register(deploy=True)
def keys_lie_apart_from_the_data(app_configs: Configs, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Sealing protects a copy of the database only where the copy does not bring the key along."""
    folder = Path(settings.DATA_DIR)
    kept = keys.read(folder).get("FIELD_KEYS")
    beside = "sqlite3" in settings.DATABASES["default"]["ENGINE"]
    if settings.LOOPBACK or not beside or not kept or kept != settings.FIELD_KEYS:
        return []
    return [
        Warning(
            f"FIELD_KEYS lie in {folder / keys.FILE}, beside the database that they open: a copy of the folder holds both.",
            hint="Move SECRET_KEY and FIELD_KEYS out of DATA_DIR, and name their files in SECRET_KEY_FILE and FIELD_KEYS_FILE.",
            id="portal.W011",
        )
    ]


def _proxies() -> list[tuple[str, Network]]:
    return [(name, network) for name in settings.TRUSTED_PROXIES if (network := _network(name))]


def _network(name: str) -> Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None


def _address(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


def _is_private(network: Network) -> bool:
    same = [one for one in _PRIVATE if one.version == network.version]
    return any(network.subnet_of(one) for one in same)  # type: ignore[arg-type]


def _is_here(host: str) -> bool:
    """Whether what is sent there stays on this machine: a loopback address, or a socket's path."""
    address = _address(host)
    return (
        host in {"", "localhost"}
        or host.startswith(("/", "@"))
        or (address is not None and address.is_loopback)
    )
