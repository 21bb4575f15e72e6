"""Agent tokens: drawn, kept sealed, and held against what a desktop sends (mission C1, C2).

In memory a token is a keyed fingerprint, so that no process holds one longer than it takes to make that.
"""

import base64
import logging
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from cobrowse.catalogue import SERVER_URL, TOKEN_LENGTH, TOKEN_OF, URL, is_token
from cobrowse.decision import Sent
from cobrowse.models import AllowedOrigin, Application, ApplicationType, Option
from core import entropy, epoch
from core.errors import PortalError
from core.sealed import NOTHING, unseal

logger = logging.getLogger("cobrowse")
PURPOSE = "agent-token"
# In the place of a fingerprint, which none of the two is like: what cannot be opened lets nobody in, and what is no token is none.
UNREADABLE, MALFORMED = "unreadable", "malformed"


def drawn_token() -> str:
    """A random token: 130 bits as 26 characters of base32 (RFC 4648), A–Z and 2–7. It is stored nowhere."""
    return base64.b32encode(secrets.token_bytes(17)).decode()[:TOKEN_LENGTH]


def fingerprint(token: str) -> str:
    """What a token is compared by."""
    return entropy.fingerprint(token, purpose=PURPOSE)


def print_of(option: Option | None) -> str:
    """The fingerprint of the token that an option keeps; empty for none."""
    if option is None or option.secret == NOTHING:
        return ""
    try:
        return fingerprint(unseal(option, "secret").decode())
    except PortalError as error:
        logger.error("the token of application %s cannot be opened: %s", option.application_id, error.detail)
        return UNREADABLE


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What is known of a company's co-browse: the tokens of its two applications, and where it is."""

    cluster: str = ""  # fingerprints; empty where there is no token
    workspace: str = ""
    url: str = ""  # where it is, for whoever joins a session

    @property
    def is_on(self) -> bool:
        """Whether agents' desktops have to authenticate."""
        return bool(self.cluster)

    def sent(self, shown: str) -> Sent:
        """What a desktop sent, by its fingerprint, held against the cluster's token."""
        if not shown:
            return Sent.ABSENT
        is_same = self.cluster != UNREADABLE and entropy.same(shown, self.cluster)
        return Sent.VALID if is_same else Sent.OTHER


def own_address() -> str:
    """The address of co-browse on this installation."""
    return f"{settings.PUBLIC_URL}/cobrowse"


def _load(company_id: int) -> Desk:
    rows = Option.objects.filter(application__company=company_id).select_related("application")
    found = {(one.application.type, one.path): one for one in rows}
    prints = {one: print_of(found.get((one, kind.path))) for one, kind in TOKEN_OF.items()}
    urls = [found.get((ApplicationType.CLUSTER.value, kind.path)) for kind in (SERVER_URL, URL)]
    return Desk(
        cluster=prints[ApplicationType.CLUSTER],
        workspace=prints[ApplicationType.WORKSPACE],
        url=next((one.value for one in urls if one is not None and one.is_set), own_address()),
    )


_desks = epoch.Cached[int, Desk](_load)


def desk_of(company_id: int) -> Desk:
    """The company's co-browse as of the last second; no statement once it is known."""
    return _desks(company_id)


def sent_print(header: str) -> str:
    """The fingerprint of the token in a header; of what is no token, one that matches none."""
    if not header:
        return ""
    return fingerprint(header) if is_token(header) else MALFORMED


@dataclass(frozen=True, kw_only=True)
class Site:
    """Whose pages stand at an origin."""

    company_id: int
    site_key: str


NOBODY = Site(company_id=0, site_key="")


def _site(origin: str) -> Site:
    row = (
        AllowedOrigin.objects.filter(origin=origin, application__company__is_active=True)
        .values_list("application__company_id", "application__site_key")
        .first()
    )
    return NOBODY if row is None else Site(company_id=row[0], site_key=row[1])


# That a site is nobody's is remembered, too: strangers choose what is asked for.
_sites = epoch.Cached[str, Site](_site, limit=1_000)


def site_of(origin: str) -> Site | None:
    """The company whose cluster lists this origin, letter by letter; None for every other."""
    found = _sites(origin) if 0 < len(origin) <= 255 else NOBODY
    return None if found is NOBODY else found


def without_token(clusters: QuerySet[Application]) -> QuerySet[Application]:
    """Those of these clusters that have no token: authentication is off for their companies."""
    kind = TOKEN_OF[ApplicationType.CLUSTER]
    held = Option.objects.filter(application=OuterRef("pk"), section=kind.section, name=kind.name)
    return clusters.filter(~Exists(held.exclude(secret=NOTHING)), type=ApplicationType.CLUSTER)


def application_of(company_id: int, application_type: str) -> Application | None:
    """The company's application of this type."""
    return Application.objects.filter(company=company_id, type=application_type).first()
