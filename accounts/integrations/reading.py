"""Reading the keys that an integration publishes (JWKS): by the clock and on demand. When it fails, the keys that there are stay."""

import logging
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.integrations.keys import distrust, trust
from accounts.integrations.rules import locked_integration, refuse_touch_integration
from accounts.models import Integration, KeySource
from accounts.tokens import foreign_keys
from accounts.tokens.foreign_keys import MOST_KEYS, PublicKey, published_keys
from accounts.tokens.jose import thumbprint
from audit.record import Origin
from core import epoch
from core.db import unit
from core.deadline import Deadline
from core.draft import NOT_FOUND
from core.outbound import Silence, Why, get
from core.outcomes import Denied
from core.throttle import Limit, take
from tenants.actor import Actor

logger = logging.getLogger(__name__)
EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=10)  # after it failed
SECONDS = 5.0  # for one address
# For all that are due: over before the clock says so again, so that two at once never take both hands of the worker from the mails.
SECONDS_IN_ALL = 25.0
MOST_BYTES = 64_000
BY_HAND = Limit(name="keys-read-by-hand", tries=6, window=timedelta(minutes=1))

NO_ADDRESS = Denied(
    code="no_key_address", message=_("The integration has no address to read keys from. Enter one first.")
)
TOO_OFTEN = _("The keys were just read several times. Please wait a little.")
_UNREADABLE = _("What is there is no JWKS with a key that we take.")
# What is kept of a failure, in the words in which it is shown.
TROUBLES: Mapping[str, str | Promise] = {
    "ADDRESS": _("The address cannot be read."),
    "NO_ADDRESS": _("The name has no address."),
    "SHUT": _("The address is in a network that is closed to such calls."),
    "PLAIN": _("The address is not https."),
    "UNREACHABLE": _("Nobody answers there."),
    "CERTIFICATE": _("The certificate is not trusted, has expired, or is for another name."),
    "TLS": _("No secure connection came about."),
    "LATE": _("It took too long."),
    "TOO_LARGE": _("The answer is too large."),
    "NO_HTTP": _("The answer is no HTTP."),
    "STATUS": _("The answer is not 200 OK."),
    "UNREADABLE": _UNREADABLE,
    "PRIVATE": _("A private key stands there for everybody to read. None of these keys is trusted."),
    "TWICE": _("A key or a key id is there twice."),
    "TOO_MANY": _("There are too many keys; an integration has at most %(most)s.") % {"most": MOST_KEYS},
    "TAKEN": _("A key there has the id of another one that was pasted here."),
}
_OF_REFUSAL = {
    foreign_keys.PRIVATE: "PRIVATE",
    foreign_keys.TWICE: "TWICE",
    foreign_keys.TOO_MANY: "TOO_MANY",
}


def trouble_of(integration: Integration) -> str:
    """Why its keys could not be read the last time, in a sentence; empty when they were."""
    return str(TROUBLES.get(integration.jwks_trouble, "")) if integration.jwks_trouble else ""


def read_keys(integration: Integration, *, by: Actor, now: datetime) -> Integration | Denied:
    """Read them now, and answer with the integration as it is then, with its trouble if there is one. Never inside a unit."""
    refusal = refuse_touch_integration(integration, verb="change", by=by)
    if refusal is None and not integration.jwks_url:
        refusal = NO_ADDRESS
    if refusal is not None:
        return refusal
    if (wait := take(BY_HAND, str(integration.uid), now=now)) is not None:
        return Denied(code="too_many", message=TOO_OFTEN, retry_after=wait.retry_after)
    _read(integration, origin=by.origin, now=now)
    return (
        Integration.objects.select_related("company", "ceiling").filter(pk=integration.pk).first()
        or NOT_FOUND
    )


def read_due(*, now: datetime) -> int:
    """Read the keys of every integration that is due; how many were asked. Never inside a unit."""
    due = list(_due(now=now))
    # In no order, so that those that never answer do not use up the time of the same others again and again.
    random.shuffle(due)
    deadline, asked = Deadline.after(SECONDS_IN_ALL), 0
    for integration in due:
        if deadline.left < SECONDS:
            break
        _read(integration, origin=Origin(), now=now)
        asked += 1
    return asked


def _due(*, now: datetime) -> Sequence[Integration]:
    read = Q(jwks_trouble="", jwks_tried_at__lte=now - EVERY)
    failed = ~Q(jwks_trouble="") & Q(jwks_tried_at__lte=now - AGAIN)
    wanted = Q(jwks_tried_at=None) | Q(jwks_wanted=True)
    rows = Integration.objects.filter(read | failed | wanted, is_active=True, company__is_active=True)
    return list(rows.exclude(jwks_url=""))


def _read(integration: Integration, *, origin: Origin, now: datetime) -> None:
    found = _fetched(integration.jwks_url)
    try:
        with unit():
            held = locked_integration(integration)
            # Somebody may have changed the address meanwhile: what the old one says counts no more.
            if held is None or held.jwks_url != integration.jwks_url:
                return
            trouble = found if isinstance(found, str) else _replace(held, found, origin=origin, now=now)
            if trouble and not held.jwks_trouble:
                logger.warning("the keys of integration %s cannot be read: %s", held.uid, trouble)
            held.jwks_tried_at, held.jwks_wanted, held.jwks_trouble = now, False, trouble
            if not trouble:
                held.jwks_read_at = now
            held.save(update_fields=["jwks_tried_at", "jwks_wanted", "jwks_trouble", "jwks_read_at"])
            epoch.bump()
    except IntegrityError:
        # Two read at once, and the other one has just written the same.
        logger.info("the keys of integration %s were read twice at once", integration.uid)


def _fetched(url: str) -> Sequence[PublicKey] | str:
    """The keys at this address, or the word for why there are none."""
    answer = get(
        url,
        headers={"Accept": "application/jwk-set+json, application/json"},
        deadline=Deadline.after(SECONDS),
        most=MOST_BYTES,
    )
    if isinstance(answer, Silence):
        return Why(answer.why).name
    if answer.status != 200:
        return "STATUS"
    keys = published_keys(answer.body)
    return _OF_REFUSAL.get(keys, "UNREADABLE") if isinstance(keys, Denied) else keys


def _replace(integration: Integration, keys: Sequence[PublicKey], *, origin: Origin, now: datetime) -> str:
    """Inside a unit: trust these and no others that were read before; the word for why not, when none of it can be."""
    held = list(integration.keys.all())
    read = {(one.kid, thumbprint(one.public)): one for one in held if one.source == KeySource.READ}
    others = {one.kid: thumbprint(one.public) for one in held if one.source != KeySource.READ}
    # One that was put in here as well is trusted already.
    wanted = {(one.kid, one.thumbprint): one for one in keys if one.thumbprint not in others.values()}
    if any(kid in others for kid, _print in wanted):
        return "TAKEN"
    if len(wanted) + len(others) > MOST_KEYS:
        return "TOO_MANY"
    for name, row in read.items():
        if name not in wanted:
            distrust(row, origin=origin, now=now)
    for name, key in wanted.items():
        if name not in read:
            trust(integration, key, source=KeySource.READ, origin=origin, now=now)
    return ""
