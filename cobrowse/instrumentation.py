"""What a company puts on its pages so that their visitors can start sessions (mission S1)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import escape

from cobrowse.catalogue import ORIGINS, URL
from cobrowse.models import Application, ApplicationType


@dataclass(frozen=True, kw_only=True)
class Instrumentation:
    """The values of one company."""

    site_key: str
    origins: tuple[str, ...]
    address: str  # of co-browse, as the pages call it
    snippet: str  # HTML as text, to be put into the pages
    policies: tuple[str, ...]  # what has to be added to the site's Content-Security-Policy, where it has one


def own_address() -> str:
    """The address of co-browse on this installation."""
    return f"{settings.PUBLIC_URL}/cobrowse"


def address_of(url: str) -> str:
    """The address that pages and desktops call: cluster/url, or this installation's own where it is empty."""
    return url or own_address()


def instrumentation_of(cluster: Application) -> Instrumentation:
    """What the pages need to know of the company's cluster."""
    if cluster.type != ApplicationType.CLUSTER:
        raise ValueError("only a cluster has pages")
    held = {(one.section, one.name): one.value for one in cluster.options.all()}
    address = address_of(held.get((URL.section, URL.name), ""))
    parts = urlsplit(address)
    # A policy that names https does not let a socket through (CSP 3, 6.7.2.9), so both stand there.
    socket = "ws" if parts.scheme == "http" else "wss"
    return Instrumentation(
        site_key=cluster.site_key,
        origins=tuple(held.get((ORIGINS.section, ORIGINS.name), "").splitlines()),
        address=address,
        snippet=f'<script src="{escape(address)}/js/gatehouse.js" data-key="{escape(cluster.site_key)}" defer></script>',
        policies=(
            f"script-src {parts.scheme}://{parts.netloc}",
            f"connect-src {parts.scheme}://{parts.netloc} {socket}://{parts.netloc}",
        ),
    )
