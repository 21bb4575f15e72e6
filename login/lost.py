"""The step beside the second proof: the person says that it is lost (`twofactor.services.lost`), and reads when it can be replaced."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from core.outcomes import Denied
from login.case import Case
from login.holding import held
from twofactor.methods import label_of
from twofactor.options import RECOVERY_WAIT
from twofactor.services.lost import USABLE_FOR, ask_recovery, other_contacts, refuse_recovery, under_way


def ask(case: Case, _data: Mapping[str, Any]) -> Denied | None:
    """Begin to wait; asked again, it changes nothing."""
    with held(case) as denied:
        asked = denied or ask_recovery(
            case.person, case.settings, methods=case.asked.methods, origin=case.origin, now=case.now
        )
        return asked if isinstance(asked, Denied) else None


def shown(case: Case) -> dict[str, Any]:
    """What the page shows: why it is not possible, what it would come to, or until when the person waits."""
    user, methods = case.person, case.asked.methods
    found = under_way(user, now=case.now)
    denied = refuse_recovery(user, case.settings, methods=methods, now=case.now)
    addresses = [label_of(kind, user) for kind in other_contacts(user, case.settings, methods=methods)]
    context: dict[str, Any] = {
        "denied": denied.message if denied is not None else "",
        "addresses": f" {_('or')} ".join(map(str, addresses)),
        "hours": case.settings.number(RECOVERY_WAIT),
        "is_due": bool(case.recovered_by),
    }
    if found is not None and denied is None:
        context |= {
            "due": timezone.localtime(found.due_at),
            "until": timezone.localtime(found.due_at + USABLE_FOR),
        }
    return context
