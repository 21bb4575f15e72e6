"""The steps of people whose password the Configuration Server or a directory proves."""

import json
from collections.abc import Mapping
from typing import Any

from accounts.external import UNAVAILABLE, Proved, note_password_changed, prove, prove_answer, rules_in_words
from accounts.external import change_password as change_there
from accounts.proof import CURRENT_WRONG, TRY_AGAIN
from audit.events import Event
from audit.record import record
from configserver.values import Question
from core import sealed
from core.db import unit
from core.outcomes import Denied
from core.sealed import NOTHING
from login.advance import advance
from login.case import Case
from login.flow import Purpose
from login.holding import held
from login.models import Attempt
from twofactor.services.lost import end_recovery
from twofactor.services.provided import kept_form

Data = Mapping[str, Any]


def password(case: Case, data: Data) -> Denied | None:
    """The first proof: right, wrong, or a question of the directory."""
    found = prove(
        case.user,
        case.typed_name,
        data["password"],
        name_key=case.attempt.name_key,
        browser=case.browser,
        origin=case.origin,
        now=case.now,
    )
    return _taken(case, found)


def challenge(case: Case, data: Data) -> Denied | None:
    """The answer to the directory's question; after a wrong one the password is asked for again."""
    asked = case.question
    if asked is None:
        raise LookupError("the step is not asked for without a question")
    found = prove_answer(
        case.user,
        asked.person,
        asked.state,
        data["answer"],
        name_key=case.attempt.name_key,
        browser=case.browser,
        origin=case.origin,
        now=case.now,
    )
    return _taken(case, found)


def _taken(case: Case, found: Proved | Question | Denied) -> Denied | None:
    if found is UNAVAILABLE:
        return found  # nobody could judge the answer, so it can be sent again
    if isinstance(found, Denied):
        return _forget_question(case) or found
    if isinstance(found, Question):
        return _ask(case, found)
    if case.attempt.purpose == Purpose.CONFIRM and found.user.pk != case.attempt.user_id:
        return TRY_AGAIN  # the name is somebody else's by now, and the session is not
    identity = found.identity
    case.identify(found.user)
    if not identity.factor_proved:
        case.look_for_provided()
    with held(case, person=found.user) as denied:
        if denied is not None:
            return denied
        case.attempt.question, case.attempt.password_at, case.codes = NOTHING, case.now, []
        case.attempt.provided = kept_form(case.provided)
        told = {"grace_left": identity.grace_left, "expires_in": identity.expires_in}
        case.attempt.told = {name: value for name, value in told.items() if value is not None}
        if identity.factor_proved:
            case.attempt.factor_at = case.now
            if found.user.recovery_due_at is not None:
                end_recovery(found.user, reason="factor_given", origin=case.origin, now=case.now)
        record(
            Event.LOGIN_PASSWORD_ACCEPTED,
            origin=case.origin,
            at=case.now,
            company_id=found.user.company_id,
            subject=found.user,
            engine=identity.engine,
        )
        return advance(case)


def _ask(case: Case, asked: Question) -> Denied | None:
    with held(case) as denied:
        if denied is not None:
            return denied
        kept = {"person": str(asked.person), "prompt": asked.prompt, "state": asked.state, "echo": asked.echo}
        case.attempt.question = sealed.seal(case.attempt, "question", json.dumps(kept).encode())
        company_id = case.user.company_id if case.user is not None else None
        record(Event.LOGIN_ASKED, origin=case.origin, at=case.now, company_id=company_id, subject=case.user)
    return None


def _forget_question(case: Case) -> Denied | None:
    if case.attempt.question == NOTHING:
        return None
    with held(case) as denied:
        if denied is None:
            case.attempt.question = NOTHING
    return denied


def change_password(case: Case, data: Data) -> Denied | None:
    """A due change: the new password is put in place where the old one is kept. Unreachable: nothing changes, and it stays due."""
    user = case.person
    changed = change_there(
        user,
        current=data.get("current_password", ""),
        new=data["new_password"],
        name_key=case.attempt.name_key,
        browser=case.browser,
        origin=case.origin,
        now=case.now,
    )
    if isinstance(changed, Denied):
        return CURRENT_WRONG if changed is TRY_AGAIN else changed
    with unit():
        note_password_changed(user, version=changed, origin=case.origin, now=case.now)
        # This very attempt changed what it is tied to, so it is tied to the new state; unless something else changed it as well.
        mine = Attempt.objects.filter(pk=case.attempt.pk, version=user.security_version - 1)
        mine.update(version=user.security_version)
    with held(case) as denied:
        if denied is not None:
            return denied
        case.attempt.changed_at = case.now
        return advance(case)


def rules_for(case: Case) -> list[str]:
    """The rules that a new password must keep, in words; none where the directory has its own."""
    return rules_in_words(case.person)
