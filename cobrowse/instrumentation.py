"""What a company puts on its pages so that their visitors can start sessions (mission S1)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.html import escape

from cobrowse.catalogue import ORIGINS, URL
from cobrowse.models import Application, ApplicationType
from cobrowse.tokens import own_address


@dataclass(frozen=True, kw_only=True)
class Instrumentation:
    """The values of one company."""

    site_key: str
    origins: tuple[str, ...]
    address: str  # of co-browse, as the pages call it
    snippet: str  # HTML as text, to be put into the pages
    policies: tuple[str, ...]  # what has to be added to the site's Content-Security-Policy, where it has one


def instrumentation_of(cluster: Application) -> Instrumentation:
    """What the pages need to know of the company's cluster."""
    if cluster.type != ApplicationType.CLUSTER:
        raise ValueError("only a cluster has pages")
    held = {path: option.value for path, option in cluster.held().items()}
    address = held.get(URL.path) or own_address()
    parts = urlsplit(address)
    # A policy that names https does not let a socket through (CSP 3, 6.7.2.9), so both stand there.
    socket = "ws" if parts.scheme == "http" else "wss"
    return Instrumentation(
        site_key=cluster.site_key,
        origins=tuple(held.get(ORIGINS.path, "").splitlines()),
        address=address,
        snippet=f'<script src="{escape(address)}/js/gatehouse.js" data-key="{escape(cluster.site_key)}" defer></script>',
        policies=(
            f"script-src {parts.scheme}://{parts.netloc}",
            f"connect-src {parts.scheme}://{parts.netloc} {socket}://{parts.netloc}",
        ),
    )
