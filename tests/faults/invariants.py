"""What must be true of the tables whatever died when: no row is half-written, no row contradicts another, and the trail tells of each.

`python -m tests.faults.invariants` prints what is not so, one sentence a line, of the database that its environment names.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator


def findings() -> list[str]:
    """Everything that contradicts itself; empty as it should be. For an installation whose every row was made by its own verbs."""
    return [*_trail(), *_attempts(), *_challenges(), *_deliveries(), *_sessions(), *_people()]


def _events(event: str) -> Counter[str]:
    from audit.models import AuditEvent

    return Counter(AuditEvent.objects.filter(event=event).values_list("subject_uid", flat=True))


def _trail() -> Iterator[str]:
    from audit.verify import verify
    from core.models import Epoch

    verdict = verify()
    if verdict.broken_at is not None:
        yield f"the trail is broken at {verdict.broken_at}: {verdict.reason}"
    if Epoch.objects.count() > 1:
        yield "there are several versions"


def _attempts() -> Iterator[str]:
    from audit.events import Event
    from login.models import Attempt

    done = proved = 0
    for one in Attempt.objects.all():
        first = one.password_at or one.link_at
        if not first and (one.factor_at or one.changed_at or one.method):
            yield f"{one} went on without a first proof"
        if (one.ended_at is None) != (one.outcome == ""):
            yield f"{one} ended and does not say how, or says how and did not end"
        if one.user_id is None and first:
            yield f"{one} proved nobody"
        proved += bool(one.password_at)
        done += one.outcome == "done" and one.purpose != "confirm"
    if proved != (told := _events(Event.LOGIN_PASSWORD_ACCEPTED).total()):
        yield f"{proved} passwords were proved and the trail tells of {told}"
    if done != (told := _events(Event.LOGIN_SUCCEEDED).total()):
        yield f"{done} sign-ins are done and the trail tells of {told}"


def _challenges() -> Iterator[str]:
    from audit.events import Event
    from delivery.models import Delivery
    from login.models import Attempt
    from twofactor.models import Challenge

    carried = {
        row.uid: (row.secret or {}).get("id") for row in Delivery.objects.filter(template__in=("code", "verify"))
    }  # fmt: skip
    attempts = {one.uid: one for one in Attempt.objects.all()}
    sent = used = 0
    for one in Challenge.objects.all():
        sent, used = sent + 1, used + bool(one.used_at)
        if carried.pop(one.delivery_uid, None) != str(one.uid):
            yield f"{one} is carried by no message"
        if one.used_at and not one.checks:
            yield f"{one} was used and never checked"
        attempt = attempts.get(one.asked_by)
        if one.used_at and attempt is not None and attempt.factor_at != one.used_at:
            yield f"{one} was used and its sign-in does not know it"
    if carried:
        yield f"{len(carried)} messages carry a code that there is not"
    by_asker = Counter(Challenge.objects.exclude(used_at=None).values_list("asked_by", flat=True))
    yield from (f"{times} codes of one sign-in were used" for times in by_asker.values() if times > 1)
    if sent != (told := _events(Event.LOGIN_CODE_SENT).total()):
        yield f"{sent} codes were asked for and the trail tells of {told}"
    if used != (told := _events(Event.LOGIN_CODE_ACCEPTED).total()):
        yield f"{used} codes were used and the trail tells of {told}"


def _deliveries() -> Iterator[str]:
    from audit.events import Event
    from delivery.models import Delivery, State

    failed = _events(Event.DELIVERY_FAILED)
    for one in Delivery.objects.all():
        if (one.state == State.SENT) != (one.sent_at is not None):
            yield f"{one} was sent at no time, or at a time and not sent"
        if one.state in {State.SENT, State.LEASED} and not one.attempts:
            yield f"{one} was taken up by nobody"
        if one.state in {State.FAILED, State.EXPIRED} and not failed[str(one.uid)]:
            yield f"{one} failed and the trail does not tell"


def _sessions() -> Iterator[str]:
    from accounts.models import Session
    from audit.events import Event

    started, ended = _events(Event.SESSION_STARTED), _events(Event.SESSION_ENDED)
    for one in Session.objects.all():
        uid = str(one.uid)
        if started.pop(uid, 0) != 1:
            yield f"session {uid} began and the trail does not tell so once"
        if (one.ended_at is None) != (one.ended_reason == ""):
            yield f"session {uid} ended and does not say why"
        if ended[uid] != (one.ended_at is not None):
            yield f"session {uid}: the trail tells of {ended[uid]} ends"
        unspent = one.refresh_tokens.filter(used_at=None).count()
        if unspent > 1:
            yield f"session {uid} has {unspent} good refresh tokens"
    if started:
        yield f"{len(started)} sessions stand in the trail alone"


def _people() -> Iterator[str]:
    from accounts.models import User
    from audit.events import Event

    locked, unlocked = _events(Event.USER_LOCKED), _events(Event.USER_UNLOCKED)
    for one in User.objects.all():
        uid = str(one.uid)
        if one.locked_at is None and one.locked_reason:
            yield f"{one} is not locked and says why"
        if locked[uid] < bool(one.locked_at) or unlocked[uid] < bool(one.unlocked_at):
            yield f"{one}: the trail does not tell of the lock or its end"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django

    django.setup()
    sys.stdout.writelines(f"{one}\n" for one in findings())
