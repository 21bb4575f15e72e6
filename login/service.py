"""Begin, submit, describe: what both doors do, and all that they do.

A refusal is written down and committed before it is answered; raised inside the transaction it would erase its own counter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext

from accounts.limits import counted_name
from accounts.models import Session, User
from accounts.names import Realm, realm_of
from accounts.sessions import Client
from core import entropy, epoch, sealed
from core.db import unit
from core.http import network_of
from core.outcomes import Denied
from core.prepared import Insert, Select, Slot
from core.throttle import Limit, take
from delivery.render import PRODUCT
from delivery.services import Progress, state_of
from login import external, lost, passkeys, steps
from login.case import LIFE, Case, Finished
from login.flow import Facts, Help, Purpose, Step, next_step
from login.forms import FORMS, StepForm, first_error
from login.help import asking
from login.links import opening
from login.models import Attempt
from login.refusals import DENIED, OUT_OF_TURN, OUTCOMES
from twofactor.methods import METHODS, kind_of, label_of, name_of
from twofactor.models import Challenge, Factor, FactorKind
from twofactor.models import Purpose as CodePurpose
from twofactor.options import PROMPT
from twofactor.services.challenges import checks_left, newest, sends_left
from twofactor.services.factors import is_waiting, names_of, setup_of
from twofactor.services.lost import awaited
from twofactor.services.passkeys import UNAVAILABLE, has_passkey, is_possible, options_of

HANDLE = "login"
CONFIRM = Limit(name="confirm-begin", tries=60, window=timedelta(minutes=10))  # of one session
BEGIN = Limit(name="login-begin", tries=600, window=timedelta(minutes=10))

_OF_HANDLE = Select(
    lambda: Attempt.objects.select_related("user__company").filter(
        fingerprint=Slot("fingerprint"), by_page=Slot("by_page")
    )
)

HANDLERS: Mapping[str, Callable[[Case, Mapping[str, Any]], Denied | None]] = {
    Step.MAILED_CODE: opening.by_code,
    Step.CONTINUE: opening.by_button,
    Step.PASSWORD: steps.password,
    Step.CHALLENGE: external.challenge,
    Step.METHOD: steps.method,
    Step.CODE: steps.code,
    Step.PASSKEY: passkeys.passkey,
    "resend": steps.resend,
    Step.ENROL: steps.enrol,
    Step.LOST: lost.ask,
    Step.HELP: asking.ask,
    Step.CHANGE_PASSWORD: steps.change_password,
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a submission: the case as it stands, why it was refused, the form with its errors, and the end if it was one."""

    case: Case | None
    denied: Denied | None = None
    form: StepForm | None = None
    finished: Finished | None = None

    @property
    def step(self) -> Step:
        """What is asked for next."""
        if self.finished is not None:
            return Step.DONE
        return self.case.step if self.case is not None else Step.DENIED


def open_attempt(
    *,
    purpose: Purpose,
    name: str,
    realm: Realm,
    user: User | None,
    by_page: bool,
    client: Client,
    now: datetime,
    target: str = "",
    session: Session | None = None,
    life: timedelta = LIFE,
    **columns: Any,
) -> tuple[Attempt, str]:
    """A new attempt and its handle, which is kept only as a fingerprint; `columns` are what a way in of its own kind begins with."""
    handle = entropy.token(HANDLE)
    attempt = Attempt(
        fingerprint=entropy.fingerprint(handle, purpose=HANDLE),
        purpose=purpose.value,
        by_page=by_page,
        realm=realm.value,
        name_key=counted_name(name, realm=realm, now=now),
        user=user,
        version=user.security_version if user else 0,
        session=session,
        next=target,
        address=client.address,
        created_at=now,
        expires_at=now + life,
        **columns,
    )
    attempt.name = sealed.seal(attempt, "name", name.encode())
    Insert(attempt).now()
    return attempt, handle


def begin(
    username: str, *, realm: str = "", by_page: bool, client: Client, now: datetime, target: str = ""
) -> tuple[Attempt, str] | Denied:
    """Begin a sign-in for this name. The answer is the same whether or not somebody has it."""
    refused = take(BEGIN, network_of(client.address), now=now)
    if refused is not None:
        return refused
    which = realm_of(username, chosen=realm)
    return open_attempt(
        purpose=Purpose.SIGN_IN,
        name=username,
        realm=which,
        user=User.objects.find(username, realm=which),
        by_page=by_page,
        client=client,
        now=now,
        target=target,
    )


def begin_with_passkey(
    *, by_page: bool, client: Client, now: datetime, target: str = ""
) -> tuple[Attempt, str] | Denied:
    """Begin a sign-in in which a passkey says who it is."""
    if not is_possible():
        return UNAVAILABLE
    refused = take(BEGIN, network_of(client.address), now=now)
    if refused is not None:
        return refused
    opened = open_attempt(
        purpose=Purpose.SIGN_IN,
        name="",
        realm=Realm.INTERNAL,
        user=None,
        by_page=by_page,
        client=client,
        now=now,
        target=target,
        by_passkey=True,
    )
    passkeys.ask(opened[0], None, now=now)
    return opened


def goes_by_passkey(session: Session) -> bool:
    """Whether who signed in to this session showed a passkey and no password, which he need not have."""
    return "pwd" not in session.methods and may_use_passkey(session.user)


def may_use_passkey(user: User) -> bool:
    """Whether this person can confirm by a passkey."""
    return is_possible() and has_passkey(user)


def begin_confirmation(
    session: Session,
    *,
    by_page: bool,
    client: Client,
    now: datetime,
    target: str = "",
    by_passkey: bool = False,
) -> tuple[Attempt, str] | Denied:
    """Begin to confirm who holds this session (idle lock, sensitive change); the name is not asked again."""
    if (refused := take(CONFIRM, str(session.uid), now=now)) is not None:
        return refused
    user = session.user
    by_passkey = by_passkey and may_use_passkey(user)
    opened = open_attempt(
        purpose=Purpose.CONFIRM,
        name=user.username,
        realm=Realm(user.realm),
        user=user,
        by_page=by_page,
        client=client,
        now=now,
        target=target,
        session=session,
        by_passkey=by_passkey,
    )
    if by_passkey:
        passkeys.ask(opened[0], user, now=now)
    return opened


def first_step(attempt: Attempt) -> Step:
    """What is asked for in an attempt that just began."""
    return next_step(
        Facts(purpose=Purpose(attempt.purpose), by_passkey=attempt.by_passkey, by_link=attempt.by_link)
    )


def find(handle: str, *, by_page: bool, client: Client, now: datetime) -> Case | None:
    """The live attempt of this handle; None when it is unknown, over, or void because the account changed meanwhile."""
    if not handle or len(handle) > 200:
        return None
    prints = entropy.fingerprints(handle, purpose=HANDLE)
    since = epoch.current()
    attempt = _OF_HANDLE.first_of(prints, by_page=by_page)
    if attempt is None or attempt.ended_at is not None or now >= attempt.expires_at:
        return None
    user = attempt.user
    # A changed password, a lock, another factor: whatever was proved before it no longer counts.
    proved = attempt.password_at or attempt.link_at or attempt.passkey_at
    if user is not None and proved and (user.security_version != attempt.version or not user.may_sign_in):
        return None
    if attempt.session is not None and not attempt.session.is_live(now=now):
        return None
    if attempt.fingerprint != prints[0]:  # begun before a rotation of keys
        name = sealed.unseal(attempt, "name").decode()
        attempt.name_key = counted_name(name, realm=Realm(attempt.realm), now=now)
    return Case(attempt=attempt, client=client, now=now, since=since)


def _is_in_turn(step: str, case: Case) -> bool:
    # Before the first proof there is neither another way nor another question.
    again = case.proved and case.step in {Step.CODE, Step.PASSKEY}
    if step == Step.LOST:
        return case.may_be_lost
    if step == Step.HELP and case.help == Help.CONFIRMED:
        return True  # whoever waits for the word asks by this step, whatever comes after it
    return step == case.step or (again and step in {"resend", Step.METHOD})


def submit(case: Case, step: str, data: Mapping[str, Any]) -> Answer:
    """Take one step. Whatever is refused changes nothing but its counters, and the answer says what is asked for now."""
    if case.step in {Step.DONE, Step.DENIED}:
        return settled(case, steps.go_on(case))
    if step not in HANDLERS or not _is_in_turn(step, case):
        return Answer(case=case, denied=OUT_OF_TURN)
    form = FORMS[step](data, case=case)
    if not form.is_valid():
        field, sentences = first_error(form)
        return Answer(
            case=case, form=form, denied=Denied(code="invalid", field=field, message=" ".join(sentences))
        )
    denied = HANDLERS[step](case, form.cleaned_data)
    if denied is not None and denied.field in form.fields:
        form.add_error(denied.field, str(denied.message))
    return settled(case, denied, form=form)


def settled(case: Case, denied: Denied | None, *, form: StepForm | None = None) -> Answer:
    """What came of a step: the end if it was one, with the sentence for it where the sign-in was denied."""
    if case.finished is not None:
        return Answer(case=case, finished=case.finished)
    if case.attempt.ended_at is not None:
        denied = OUTCOMES.get(case.attempt.outcome, denied or DENIED)
    return Answer(case=case, denied=denied, form=form)


def pending_code(case: Case) -> Challenge | None:
    """The code that this attempt waits for."""
    purpose = CodePurpose.CONTACT if case.step is Step.ENROL else CodePurpose.SIGN_IN
    return newest(case.codes, purpose=purpose)


def describe(case: Case) -> dict[str, Any]:
    """The next step and what belongs to it, in the words of the API."""
    step = case.step
    told: dict[str, Any] = {"step": step.value, "expires_at": case.attempt.expires_at.isoformat()}
    if step is Step.CHALLENGE and case.question is not None:
        told |= {"prompt": case.question.prompt, "echo": case.question.echo}
    if step is Step.METHOD:
        told["methods"] = [method_shown(case, way) for way in case.methods]
    if case.may_be_lost:
        waits = awaited(case.person, now=case.now)
        told["recovery_due_at"] = waits.due_at.isoformat() if waits is not None else None
    if step is Step.CHANGE_PASSWORD:
        told["rules"] = steps.rules_for(case)
    if step is Step.HELP:
        told |= asking.shown(case)
    if step in {Step.CODE, Step.ENROL, Step.PASSKEY}:
        challenge = pending_code(case)
        if step is Step.ENROL:
            told |= {"enrol": enrol_of(case), **setup_under_way(case, challenge)}
        elif case.attempt.method:
            told["method"] = method_shown(case, case.attempt.method)
        if step is Step.PASSKEY:
            told["options"] = passkey_options(case, challenge)
        if step is Step.CODE and (prompt := prompt_of(case, challenge)):
            told["prompt"] = prompt
        told |= {
            "sent_to": sent_to(case, challenge),
            "code_expires_at": challenge.expires_at.isoformat() if challenge else None,
            "sends_left": sends_left(case.codes, settings=case.settings, since=case.attempt.sends_from),
            "checks_left": checks_left(challenge, settings=case.settings) if challenge else None,
            # What was put into the outbox a moment ago, waits there.
            "delivery": _delivery(case, challenge),
        }
    return told


def passkey_options(case: Case, challenge: Challenge | None) -> dict[str, Any] | None:
    """What the browser is asked to sign, while it may be."""
    if challenge is None or case.now >= challenge.expires_at or challenge.kind != FactorKind.PASSKEY:
        return None
    return options_of(challenge, case.user, verified=not case.proved)


def first_options(attempt: Attempt, *, client: Client, now: datetime) -> dict[str, Any] | None:
    """What the browser is asked to sign in an attempt that just began with a passkey."""
    case = Case(attempt=attempt, client=client, now=now, since=epoch.current())
    return passkey_options(case, pending_code(case))


def _delivery(case: Case, challenge: Challenge | None) -> str | None:
    if case.sent is not None and case.sent.delivery_uid is not None:
        return Progress.QUEUED.value
    return delivery_of(challenge, now=case.now)


def method_shown(case: Case, way: str) -> dict[str, str]:
    """A way as the person may see it: its address masked, or the names that he gave."""
    kind, of_organisation = kind_of(way), dict(case.provided.ways).get(way)
    label = of_organisation or label_of(way, case.person) or names_of(kind, case.person)
    return {"id": way, "kind": kind, "label": label}


def method_named(case: Case, way: str) -> dict[str, str]:
    """The same with its words for a page: what it is called, and what tells it from others of its kind."""
    kind, own = name_of(way), dict(case.provided.ways).get(way)
    shown = method_shown(case, way)
    named = shown | ({"name": own, "detail": kind} if own else {"name": kind, "detail": shown["label"]})
    if way in case.recovered_by:
        warning = gettext("turns your lost second factors off")
        named["detail"] += f" · {warning}"
    return named


def sent_to(case: Case, challenge: Challenge | None) -> str | None:
    """Where the code under way went, masked; None where none was sent."""
    if challenge is None or not METHODS[challenge.kind].sends:
        return None
    return label_of(challenge.kind, case.person)


def prompt_of(case: Case, challenge: Challenge | None) -> str:
    """What the person is told to do for a code that the portal does not send: the other side's words, else those of the settings."""
    if challenge is None or METHODS[challenge.kind].sends or challenge.kind == FactorKind.RECOVERY:
        return ""
    usual = gettext("Enter the verification code on your device to sign in.")
    return challenge.prompt or case.settings.text(PROMPT) or usual


def enrol_of(case: Case) -> list[dict[str, str]]:
    """What can be turned on now."""
    return [{"kind": kind, "value": METHODS[kind].address(case.person)} for kind in case.enrollable]


def app_under_way(case: Case, challenge: Challenge | None) -> Factor | None:
    """The app that is being turned on in this sign-in."""
    factor = challenge.factor if challenge is not None else None
    return factor if factor is not None and is_waiting(factor, now=case.now) else None


def setup_under_way(case: Case, challenge: Challenge | None) -> dict[str, str]:
    """What this app is set up by."""
    factor = app_under_way(case, challenge)
    return {} if factor is None else setup_of(factor, issuer=PRODUCT)


def delivery_of(challenge: Challenge | None, *, now: datetime) -> str | None:
    """How the message with the code stands: queued, late, sent, delivered or failed."""
    if challenge is None or challenge.delivery_uid is None:
        return None
    progress: Progress = state_of(challenge.delivery_uid, now=now)
    return progress.value


def end_silently(case: Case, *, now: datetime) -> None:
    """The person gives up: the attempt is over."""
    with unit():
        Attempt.objects.filter(pk=case.attempt.pk, ended_at=None).update(ended_at=now, outcome="cancelled")
        asking.withdraw(case)
