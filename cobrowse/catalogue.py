"""The options that there are, by type of application: their sections, names and what may stand in them. Pure.

Names are those of the source system (design/sources, 1.7). One that is not listed here changes nothing, so it cannot be set.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.addresses import is_loopback
from core.origins import checked_origins, parsed
from core.outcomes import Denied

TOKEN_LENGTH = 26
LONGEST_URL = 500
LONGEST_ORIGINS = 20 * 257
CLUSTER, WORKSPACE = "cluster", "workspace"
_TOKEN = re.compile(rf"[A-Za-z0-9]{{{TOKEN_LENGTH}}}")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One option: where it stands, how long its value may be, and the check that gives the value in its one form."""

    section: str
    name: str
    longest: int
    check: Callable[[str], str | Denied]
    help: str | Promise
    is_secret: bool = False
    is_list: bool = False  # one a line

    @property
    def path(self) -> str:
        """Its name with its section."""
        return f"{self.section}/{self.name}"

    @property
    def field(self) -> str:
        """Its name in a form."""
        return f"{self.section}__{self.name}".replace("-", "_")


def is_token(text: str) -> bool:
    """Whether this has the form of an agent token: 26 letters and digits."""
    return _TOKEN.fullmatch(text) is not None


def _token(text: str) -> str | Denied:
    if is_token(text.strip()):
        return text.strip()
    return Denied(
        code="invalid",
        message=_(
            "A token has exactly 26 letters and digits. Fetch one at /cobrowse/rest/authtoken, or have one generated."
        ),
    )


def _url(text: str) -> str | Denied:
    url = text.strip().rstrip("/")
    parts = parsed(url, longest=LONGEST_URL)
    is_safe = parts is not None and (parts[0] == "https" or (parts[0] == "http" and is_loopback(parts[1])))
    if is_safe and not set("?#") & set(url):
        return url
    return Denied(
        code="invalid",
        message=_(
            "Write a whole address such as https://cobrowse.example.com/cobrowse: https, and nothing after a ? or #."
        ),
    )


def _origins(text: str) -> str | Denied:
    found = checked_origins(text.splitlines())
    return replace(found, field=None) if isinstance(found, Denied) else "\n".join(found)


_SAME = _(
    "The 26 letters and digits that both applications of the company have. It is kept sealed and cannot be read back."
)
TOKEN_OF_CLUSTER = Kind(
    section="slave", name="password", longest=200, check=_token, is_secret=True, help=_SAME
)
TOKEN_OF_WORKSPACE = Kind(
    section="cobrowse", name="password", longest=200, check=_token, is_secret=True, help=_SAME
)
URL = Kind(
    section="cluster",
    name="url",
    longest=LONGEST_URL,
    check=_url,
    help=_(
        "Address of co-browse that pages and agents call, such as https://cobrowse.example.com/cobrowse. Empty: this installation's own."
    ),
)
SERVER_URL = Kind(
    section="cluster",
    name="serverUrl",
    longest=LONGEST_URL,
    check=_url,
    help=_(
        "Public address told to whoever joins a session, where it differs from cluster/url; counts at once."
    ),
)
ORIGINS = Kind(
    section="cross-origin",
    name="allowedOrigins",
    longest=LONGEST_ORIGINS,
    check=_origins,
    is_list=True,
    help=_(
        "Sites whose pages may start sessions, one a line: such as https://www.example.com. Empty: none may."
    ),
)

KINDS: Mapping[str, tuple[Kind, ...]] = {
    CLUSTER: (TOKEN_OF_CLUSTER, URL, SERVER_URL, ORIGINS),
    WORKSPACE: (TOKEN_OF_WORKSPACE,),
}
TOKEN_OF: Mapping[str, Kind] = {CLUSTER: TOKEN_OF_CLUSTER, WORKSPACE: TOKEN_OF_WORKSPACE}


def kind_of(application_type: str, section: str, name: str) -> Kind | None:
    """The option of this name in applications of this type; None where there is none."""
    return next((one for one in KINDS[application_type] if (one.section, one.name) == (section, name)), None)
