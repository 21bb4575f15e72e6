"""Where a remote Configuration Server is and how it is asked: settings `GenesysSDK.ConfigServerLogin.*`, as frozen values."""

from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from core.options import Option, declare

SECTION = "GenesysSDK.ConfigServerLogin"
_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_ADDRESS = rf"https://([A-Za-z0-9][A-Za-z0-9.-]{{0,252}}|\[[0-9A-Fa-f:]{{2,45}}\])(:{_PORT})?/?"

PRIMARY_URL = declare(
    Option(
        name=f"{SECTION}.PrimaryUrl",
        default="",
        pattern=_ADDRESS,
        company=False,
        leads=f"{SECTION}.Password",
        help=_(
            "Address of the Configuration Server that keeps external people, such as https://configserver.example:2020. "
            "Empty: this installation keeps them itself."
        ),
    )
)
BACKUP_URL = declare(
    Option(
        name=f"{SECTION}.BackupUrl",
        default="",
        pattern=_ADDRESS,
        company=False,
        leads=f"{SECTION}.Password",
        help=_("Address that is asked when the primary one does not answer. Empty: there is none."),
    )
)
APPLICATION_NAME = declare(
    Option(
        name=f"{SECTION}.ApplicationName",
        default="",
        company=False,
        help=_("Name under which the Configuration Server has admitted this portal."),
    )
)
USERNAME = declare(
    Option(
        name=f"{SECTION}.Username",
        default="",
        company=False,
        help=_("User name of this portal at the Configuration Server; `manage.py configserver` gives it."),
    )
)
PASSWORD = declare(
    Option(
        name=f"{SECTION}.Password",
        default="",
        company=False,
        secret=True,
        help=_("Password of this portal at the Configuration Server. Kept sealed, and never shown again."),
    )
)
CA_FILE = declare(
    Option(
        name=f"{SECTION}.CaFile",
        default="",
        company=False,
        leads=f"{SECTION}.Password",
        help=_(
            "File on this machine with the authorities (PEM) that vouch for the Configuration Server. "
            "Empty: those that this machine trusts."
        ),
    )
)
CONNECT_TIMEOUT = declare(
    Option(
        name=f"{SECTION}.ConnectTimeoutMs",
        default=1_000,
        minimum=100,
        maximum=10_000,
        unit="ms",
        company=False,
        help=_("How long a connection to one of the two servers may take to come about, TLS included."),
    )
)
TIMEOUT = declare(
    Option(
        name=f"{SECTION}.TimeoutMs",
        default=10_000,
        minimum=500,
        maximum=30_000,
        unit="ms",
        company=False,
        help=_(
            "How long a call may take in all, over both servers. While the backup can still be asked, one server gets half of what is left."
        ),
    )
)
RETRIES = declare(
    Option(
        name=f"{SECTION}.Retries",
        default=1,
        minimum=0,
        maximum=5,
        company=False,
        help=_("How often a server whose connection broke is asked again, before the other one is asked."),
    )
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the settings say, with the file of authorities read."""

    servers: tuple[str, ...]  # primary, backup
    application: str
    username: str
    password: str = field(repr=False)
    authorities: str | None  # PEM; empty: the system's; None: the file cannot be read
    connect_timeout: float  # seconds
    timeout: float
    retries: int
