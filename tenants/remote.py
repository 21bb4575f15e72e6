"""The remote Configuration Server that the settings name."""

import logging
from io import BytesIO
from pathlib import Path

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils.translation import gettext_lazy as _

from configserver.remote import config as options
from configserver.remote.config import Config
from core.errors import PortalError
from core.options import Option, Snapshot, Value
from core.outcomes import Denied
from core.tls import context_of
from tenants.actor import Actor
from tenants.models import RANK_MAXIMUM
from tenants.rules import may_touch
from tenants.settings import check_with, secret_of, snapshot

logger = logging.getLogger(__name__)
MOST_BYTES = 1_000_000  # of the file of authorities
ONLY_FULL = Denied(
    code="rank_too_high",
    message=_(
        "Whoever says where external people are kept decides what they may do: only a full administrator can."
    ),
)


def _refuse_lower(_value: Value, by: Actor) -> Denied | None:
    everywhere = may_touch(by.rights, "change", "directory", company_id=None)
    return None if everywhere and by.rights.rank >= RANK_MAXIMUM else ONLY_FULL


for _option in (options.PRIMARY_URL, options.BACKUP_URL, options.USERNAME, options.PASSWORD, options.CA_FILE):
    check_with(_option, _refuse_lower)


def config() -> Config | None:
    """How the settings say that it is asked; None: the embedded one holds."""
    settings = snapshot(None)
    primary = settings.text(options.PRIMARY_URL)
    if not primary:
        return None

    def seconds(option: Option) -> float:
        return settings.number(option) / 1000

    password = _password(settings)
    servers = (primary, settings.text(options.BACKUP_URL))
    return Config(
        servers=tuple(dict.fromkeys(one.rstrip("/") for one in servers if one)),
        application=settings.text(options.APPLICATION_NAME),
        username=settings.text(options.USERNAME),
        password=password or "",
        authorities=None if password is None else _authorities(settings.text(options.CA_FILE)),
        connect_timeout=seconds(options.CONNECT_TIMEOUT),
        timeout=seconds(options.TIMEOUT),
        retries=settings.number(options.RETRIES),
    )


def _password(settings: Snapshot) -> str | None:
    try:
        return secret_of(options.PASSWORD, settings)
    except (ObjectDoesNotExist, ValidationError, PortalError) as error:
        # Nobody is asked then, and everybody else signs in as ever.
        logger.error("configserver: the password of the settings cannot be opened: %s", type(error).__name__)
        return None


def _authorities(path: str) -> str | None:
    try:
        if path and not Path(path).is_file():
            raise FileNotFoundError("it is no file")
        with Path(path).open("rb") if path else BytesIO() as file:
            text = file.read(MOST_BYTES).decode(
                "ascii", "ignore"
            )  # what is no certificate may have any letters
        context_of(text)
        return text
    except OSError as error:  # ssl.SSLError, of a text without any certificate, is one
        # Nobody is asked then: whom to trust is not known.
        logger.error("configserver: the file of authorities cannot be read: %s", error)
        return None
