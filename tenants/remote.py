"""The remote Configuration Server that the settings name."""

import logging
from pathlib import Path

from configserver.remote import config as options
from configserver.remote.config import Config
from core.options import Option
from tenants.settings import secret_of, snapshot

logger = logging.getLogger(__name__)


def config() -> Config | None:
    """How the settings say that it is asked; None: the embedded one holds."""
    settings = snapshot(None)
    primary = settings.text(options.PRIMARY_URL)
    if not primary:
        return None

    def seconds(option: Option) -> float:
        return settings.number(option) / 1000

    servers = (primary, settings.text(options.BACKUP_URL))
    return Config(
        servers=tuple(dict.fromkeys(one.rstrip("/") for one in servers if one)),
        application=settings.text(options.APPLICATION_NAME),
        username=settings.text(options.USERNAME),
        password=secret_of(options.PASSWORD, settings),
        authorities=_authorities(settings.text(options.CA_FILE)),
        connect_timeout=seconds(options.CONNECT_TIMEOUT),
        timeout=seconds(options.TIMEOUT),
        retries=settings.number(options.RETRIES),
    )


def _authorities(path: str) -> str | None:
    try:
        return Path(path).read_text() if path else ""
    except (OSError, UnicodeError) as error:
        # Nobody is asked then: whom to trust is not known.
        logger.error("configserver: the file of authorities cannot be read: %s", error)
        return None
