"""Opening a mailed link: by the button of who asked, or by the short code of the same mail; and saying yes to an integration.

Whoever merely fetches the address changes nothing: mail scanners open links, run scripts and wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.events import Event
from audit.record import record
from core import entropy
from core.outcomes import Denied
from login.advance import advance, end
from login.case import LIFE, Case
from login.flow import Purpose
from login.holding import held
from login.links import admitting
from login.models import Attempt
from login.refusals import CODE_WRONG, LINK_CODE_WRONG, LINK_USED
from twofactor.services.provided import kept_form

CODE_DIGITS = 8
CODE_CHECKS = 5
# What tokens and codes are for, by why somebody proves who he is; one of one kind is good for no other.
SCOPES = {Purpose.FORGOTTEN: "forgotten", Purpose.LINK: "magic-link", Purpose.CONFIRM: "confirm-by-mail"}
_OPENED = {
    Purpose.FORGOTTEN: Event.FORGOTTEN_OPENED,
    Purpose.LINK: Event.LINK_OPENED,
    Purpose.CONFIRM: Event.LINK_OPENED,
    Purpose.SSO: Event.SSO_CONTINUED,
}
# Inside a unit: who is let in, which for somebody new makes the account.
_ADMIT: Mapping[Purpose, Callable[[Case], Denied | None]] = {
    Purpose.FORGOTTEN: admitting.to_reset,
    Purpose.LINK: admitting.to_sign_in,
    Purpose.CONFIRM: admitting.to_confirm,
    Purpose.SSO: admitting.to_go_on,
}


def is_usable(attempt: Attempt, *, now: datetime) -> bool:
    """Whether the link of this attempt can still be opened: the first time, in its time, and nobody tried the code too often."""
    unused = attempt.link_at is None and attempt.ended_at is None and now < attempt.expires_at
    unchanged = attempt.user is None or attempt.user.security_version == attempt.version
    return unused and unchanged and attempt.link_checks < CODE_CHECKS


def by_code(case: Case, data: Mapping[str, Any]) -> Denied | None:
    """The step: the short code of the mail, in the browser or program that asked."""
    return open_link(case, code=data["code"])


def by_button(case: Case, _data: Mapping[str, Any]) -> Denied | None:
    """The step: the person says that he means what an integration says of him."""
    return open_link(case, code=None)


@dataclass(frozen=True, kw_only=True)
class Opener:
    """Who goes on after the link was opened: under which new handle, on pages or over the API."""

    fingerprint: str
    by_page: bool


def open_link(case: Case, *, code: str | None, opener: Opener | None = None) -> Denied | None:
    """Take the link for the first proof. Without a code only for whoever holds the handle and pressed the button.

    `opener` is given where the link itself was opened, maybe in another browser than the one that asked.
    """
    purpose = Purpose(case.attempt.purpose)
    right = code is None or entropy.is_derived_code(
        code, purpose=SCOPES[purpose], id=str(case.attempt.uid), digits=CODE_DIGITS
    )
    if not is_usable(case.attempt, now=case.now):
        return LINK_USED
    if right:
        case.look_for_provided()
    with held(case) as denied:
        attempt = case.attempt
        if denied is not None or not is_usable(attempt, now=case.now):
            return LINK_USED
        if not right:
            attempt.link_checks += 1
            if attempt.link_checks < CODE_CHECKS:
                return CODE_WRONG if case.confirms else LINK_CODE_WRONG
            end(case, "link_checks_used_up")
            return LINK_USED
        refused = _ADMIT[purpose](case)
        if refused is not None:
            return refused
        case.opened = True
        attempt.link_at, attempt.expires_at = case.now, case.now + LIFE
        if opener is not None:
            attempt.fingerprint, attempt.by_page = opener.fingerprint, opener.by_page
        attempt.provided = kept_form(case.provided)
        record(
            _OPENED[purpose],
            origin=case.origin,
            at=case.now,
            company_id=case.person.company_id,
            subject=case.person,
        )
        return advance(case)
