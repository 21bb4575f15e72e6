"""How a step looks: title, sentence, facts and the other things that can be done. Words only, no decisions."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.external import may_change_password
from delivery.render import PRODUCT
from login import lost
from login.case import Case
from login.flow import Help, Purpose, Step
from login.help.asking import shown as help_shown
from login.service import (
    app_under_way,
    delivery_of,
    may_use_passkey,
    method_named,
    passkey_options,
    pending_code,
    prompt_of,
    sent_to,
)
from login.steps import rules_for
from twofactor.methods import METHODS, kind_of, label_of
from twofactor.models import Challenge, Factor, FactorKind
from twofactor.qr import qr_svg
from twofactor.services.challenges import checks_left, cool_down_left, refuse_while_waiting, sends_left
from twofactor.services.factors import setup_of

TEMPLATES = {
    Step.MAILED_CODE: "login/mailed_code.html",
    Step.CONTINUE: "login/continue.html",
    Step.PASSWORD: "login/password.html",
    Step.CHALLENGE: "login/challenge.html",
    Step.METHOD: "login/method.html",
    Step.CODE: "login/code.html",
    Step.PASSKEY: "login/passkey.html",
    Step.ENROL: "login/enrol.html",
    Step.LOST: "login/lost.html",
    Step.HELP: "login/help.html",
    Step.CHANGE_PASSWORD: "login/change_password.html",
}
TITLES: dict[Step, str | Promise] = {
    Step.MAILED_CODE: gettext_lazy("Look into your mailbox"),
    Step.CONTINUE: gettext_lazy("Sign in?"),
    Step.PASSWORD: gettext_lazy("Enter your password"),
    Step.CHALLENGE: gettext_lazy("Your directory asks"),
    Step.METHOD: gettext_lazy("One more proof"),
    Step.CODE: gettext_lazy("Enter the code"),
    Step.PASSKEY: gettext_lazy("Use your passkey"),
    Step.ENROL: gettext_lazy("Set up your second factor"),
    Step.LOST: gettext_lazy("Lost your second factor?"),
    Step.HELP: gettext_lazy("Ask your administrator"),
    Step.CHANGE_PASSWORD: gettext_lazy("Choose a new password"),
}
ENROL_TITLES: dict[str, str | Promise] = {
    FactorKind.EMAIL: gettext_lazy("Verify your e-mail address"),
    FactorKind.SMS: gettext_lazy("Verify your phone number"),
}
DELIVERY_SENTENCES: dict[str, str | Promise] = {
    "queued": gettext_lazy("The mail is on its way."),
    "sent": gettext_lazy("The mail was sent. It may take a moment to arrive; look among unwanted mail too."),
    "late": gettext_lazy(
        "The code is late: the mail server does not answer. We keep trying, and you may ask for another one."
    ),
    "failed": gettext_lazy(
        "The mail could not be delivered. Ask for another code, or tell your administrator."
    ),
}

TEXT_SENTENCES: dict[str, str | Promise] = {
    "queued": gettext_lazy("The text message is on its way."),
    "sent": gettext_lazy("The text message was sent. It may take a moment to arrive."),
    "delivered": gettext_lazy("The text message has arrived on your phone."),
    "late": gettext_lazy(
        "The text message is late: its provider does not answer. We keep trying, and you may ask for another one."
    ),
    "failed": gettext_lazy(
        "The text message could not be delivered. Ask for another code, use another way, or tell your administrator."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Action:
    """Another thing that can be done on a page."""

    label: str
    url: str
    method: str = "get"
    fields: dict[str, str] | None = None
    disabled_until: int = 0


def step_url(step: Step) -> str:
    """The page of a step."""
    return reverse("login:step", args=[step.value])


def _lead(case: Case, step: Step) -> str:
    if step is Step.MAILED_CODE:
        return _mailed_lead(case)
    if step is Step.CONTINUE and case.attempt.integration_key is not None:
        return _("%(integration)s says that you are this person.") % {
            "integration": case.attempt.integration_key.integration.name
        }
    if step is Step.PASSWORD and case.attempt.purpose == Purpose.CONFIRM:
        return _("Please confirm that it is still you. Nothing that you were doing is lost.")
    if step is Step.CHALLENGE and case.question is not None:
        return case.question.prompt
    if step is Step.CODE:
        return _code_lead(case)
    if step is Step.PASSKEY and case.attempt.purpose == Purpose.CONFIRM and not case.proved:
        return _("Please confirm by your passkey that it is still you. Nothing that you were doing is lost.")
    if step is Step.PASSKEY:
        return _("Your browser asks for your fingerprint, your face, the PIN of the device, or a key.")
    if step is Step.ENROL:
        return _enrol_lead(case)
    if step is Step.HELP:
        return _help_lead(case)
    if step is Step.CHANGE_PASSWORD and case.attempt.purpose != Purpose.FORGOTTEN:
        return _("Your password has to be changed before you go on.")
    return ""


def _help_lead(case: Case) -> str:
    if case.help == Help.CONFIRMED:
        return _("Your administrator has made sure that it is you.")
    if case.help == Help.ASKED:
        return _(
            "Speak to your administrator, who calls you back or meets you, and read this number out. This page goes on by itself."
        )
    if case.attempt.help_reason:
        return _(
            "The codes of this sign-in are used up. An administrator can make sure that it is you, and let you in."
        )
    return _(
        "A second factor is needed, and you have no way to prove it. An administrator can make sure that it is you, and let you in."
    )


def _help_context(case: Case) -> dict[str, Any]:
    minutes = max(1, math.ceil((case.attempt.expires_at - case.now).total_seconds() / 60))
    good = ngettext("Good for %(n)s more minute", "Good for %(n)s more minutes", minutes) % {"n": minutes}
    return {
        "help": help_shown(case),
        "confirmed": case.help == Help.CONFIRMED,
        "facts": [good] if case.help_request is not None else [],
    }


def _mailed_lead(case: Case) -> str:
    if case.confirms:
        return _("Please confirm that it is still you: we mail a short code to the address of your account.")
    if case.attempt.join_link is not None or case.attempt.signs_up:
        return _("If this address can be used, a mail with a link is on its way to it.")
    return _(
        "If an account here has this address and it is verified, a mail with a link is on its way to it."
    )


def _mailed_facts(case: Case) -> list[str]:
    found = [_("No mail? Look among unwanted mail, or ask your administrator.")]
    if not case.confirms:
        found.insert(0, _("The link works once, for ten minutes."))
    if case.attempt.purpose == Purpose.FORGOTTEN:
        found.append(_("Accounts kept in the directory of your organisation get their password there."))
    return found


def _code_lead(case: Case) -> str:
    challenge = pending_code(case)
    if kind_of(case.attempt.method) == FactorKind.RECOVERY:
        return _(
            "Enter one of the recovery codes that you printed or wrote down, or the one that your administrator gave you. "
            "Each works once."
        )
    if address := sent_to(case, challenge):
        return _("We sent a code to %(address)s.") % {"address": address}
    prompt = prompt_of(case, challenge)
    way = dict(case.provided.ways).get(case.attempt.method)
    return f"{way}: {prompt}" if way else prompt


def _enrols(case: Case) -> str:
    """The kind that is being turned on; empty while the person has yet to choose."""
    challenge, kinds = pending_code(case), case.enrollable
    return challenge.kind if challenge is not None else kinds[0] if len(kinds) == 1 else ""


def _enrol_lead(case: Case) -> str:
    kind = _enrols(case)
    if kind == FactorKind.TOTP:
        return _(
            "A second factor is needed. Scan the picture with an authenticator app, then type the code that the app shows."
        )
    if not kind:
        return _(
            "A second factor is needed. Choose where we may send a code; with it the address is verified."
        )
    sentence = _(
        "A second factor is needed. We send a code to %(address)s; type it here, and the address is verified."
    )
    return sentence % {"address": label_of(kind, case.person)}


def code_facts(challenge: Challenge, *, checks: int, sends: int, now: datetime) -> list[str]:
    """What a person wants to know about a code under way."""
    tries = ngettext("%(n)s try left", "%(n)s tries left", checks) % {"n": checks}
    minutes = max(0, math.ceil((challenge.expires_at - now).total_seconds() / 60))
    if not METHODS[challenge.kind].sends:
        return [tries] if minutes else [_("This took too long: try again")]
    good = ngettext("Good for %(n)s more minute", "Good for %(n)s more minutes", minutes)
    return [
        good % {"n": minutes} if minutes else _("No longer good: ask for another one"),
        tries,
        ngettext("%(n)s more code can be sent", "%(n)s more codes can be sent", sends) % {"n": sends},
    ]


def told_sentences(case: Case) -> list[str]:
    """What the directory says of the password, and what whoever came in without his second factor has to do, in words."""
    told: Mapping[str, int] = case.attempt.told
    found = []
    if (left := told.get("grace_left")) is not None:
        sentence = ngettext(
            "Your password in the directory has expired: you can sign in %(n)s more time.",
            "Your password in the directory has expired: you can sign in %(n)s more times.",
            left,
        )
        here = may_change_password(case.person)
        where = _("Change it now, under “My account”.") if here else _("Change it there.")
        found.append(f"{sentence % {'n': left}} {where}")
    elif (seconds := told.get("expires_in")) is not None:
        days = seconds // 86_400
        found.append(
            ngettext(
                "Your password expires in %(days)s day.", "Your password expires in %(days)s days.", days
            )
            % {"days": days}
        )
    if case.recovered:
        found.append(
            _(
                "Every second factor was turned off. Set up a new one now, under “My account”, “Second factor”."
            )
        )
    elif case.help == Help.CONFIRMED:
        found.append(
            _("You were let in once. Set up a second factor now, under “My account”, “Second factor”.")
        )
    return found


def delivery_note(challenge: Challenge | None, *, now: datetime) -> dict[str, str] | None:
    """How the mail or text message stands, with its sentence."""
    state = delivery_of(challenge, now=now)
    if challenge is None or state is None:
        return None
    sentences = TEXT_SENTENCES if challenge.kind == FactorKind.SMS else DELIVERY_SENTENCES
    return {"state": state, "sentence": str(sentences[state])}


def app_setup(factor: Factor) -> dict[str, Any]:
    """What a page shows of an app that is being set up: the picture, and its key in groups that can be typed."""
    found = setup_of(factor, issuer=PRODUCT)
    key = found["secret"]
    return {
        "factor": factor,
        "qr": qr_svg(found["otpauth_url"]),
        "key": " ".join(key[at : at + 4] for at in range(0, len(key), 4)),
        "otpauth_url": found["otpauth_url"],
        "unusual": (factor.algorithm, factor.digits) != ("SHA1", 6),
    }


def _resend(case: Case, challenge: Challenge | None) -> Action:
    step = "resend" if case.step in {Step.CODE, Step.PASSKEY} else case.step.value
    return Action(
        label=_("Send another code")
        if challenge is None or METHODS[challenge.kind].sends
        else _("Try again"),
        url=reverse("login:step", args=[step]),
        method="post",
        fields={"attempt": str(case.attempt.uid)},
        disabled_until=cool_down_left(challenge, now=case.now),
    )


def _another_mail(case: Case) -> list[Action]:
    """Where to ask once more; of whoever joins or signs up, that is the page that he came from."""
    attempt = case.attempt
    if case.confirms:
        target = urlencode({"next": attempt.next or "/"})
        return [Action(label=_("Send another code"), url=f"{reverse('login:confirm')}?{target}")]
    if attempt.join_link_id is not None or attempt.signs_up:
        return []
    name = "login:forgotten" if attempt.purpose == Purpose.FORGOTTEN else "login:magic-link"
    return [Action(label=_("Ask for another link"), url=reverse(name))]


def _other_confirmation(case: Case) -> list[Action]:
    """The password instead of the passkey, or the passkey instead of the password."""
    if not case.attempt.by_passkey and not may_use_passkey(case.person):
        return []
    by, label = (
        ("password", _("Use your password"))
        if case.attempt.by_passkey
        else ("passkey", _("Use your passkey"))
    )
    target = urlencode({"by": by, "next": case.attempt.next or "/"})
    return [Action(label=label, url=f"{reverse('login:confirm')}?{target}")]


def _code_context(case: Case, step: Step, secondary: list[Action]) -> dict[str, Any]:
    """What the pages show on which something is sent or signed; the other things that can be done are added to `secondary`."""
    challenge = pending_code(case)
    context: dict[str, Any] = {
        "delivery": delivery_note(challenge, now=case.now),
        "under_way": challenge,
        "by_app": step is Step.ENROL and case.enrollable == [FactorKind.TOTP],
    }
    if step is Step.ENROL and (factor := app_under_way(case, challenge)) is not None:
        context |= app_setup(factor)
    waiting = refuse_while_waiting(case.person, now=case.now) if step is not Step.PASSKEY else None
    context["waiting"] = str(waiting.message) if waiting is not None else ""
    sends = sends_left(case.codes, settings=case.settings, since=case.attempt.sends_from)
    if step is Step.PASSKEY:
        context["options"] = options = passkey_options(case, challenge)
        context["options_json"] = json.dumps(options)
        if options is None and case.proved and sends:
            secondary.append(_resend(case, challenge))
    elif challenge is not None and waiting is None:
        context["facts"] = code_facts(
            challenge, checks=checks_left(challenge, settings=case.settings), sends=sends, now=case.now
        )
        if sends and (METHODS[challenge.kind].sends or case.now >= challenge.expires_at):
            secondary.append(_resend(case, challenge))
    if step is not Step.ENROL and case.proved and len(case.methods) > 1:
        secondary.append(Action(label=_("Use another way"), url=step_url(Step.METHOD)))
    return context


def context_of(case: Case, *, step: Step) -> dict[str, Any]:
    """Everything that the page of this step shows, but the form."""
    context: dict[str, Any] = {
        "step": step.value,
        "title": ENROL_TITLES.get(_enrols(case), TITLES[step]) if step is Step.ENROL else TITLES[step],
        "lead": _lead(case, step),
        "username": case.typed_name,
        "attempt": str(case.attempt.uid),
        "facts": [],
        "secondary": [],
    }
    secondary: list[Action] = []
    if step is Step.METHOD:
        context["methods"] = [method_named(case, way) for way in case.methods]
    if step is Step.MAILED_CODE:
        context |= {"facts": _mailed_facts(case), "confirms": case.confirms}
        secondary += _another_mail(case)
    if step is Step.LOST:
        context["lost"] = lost.shown(case)
        secondary.append(Action(label=_("Back"), url=step_url(case.step)))
    if step is Step.HELP:
        context |= _help_context(case)
    if step is Step.CHANGE_PASSWORD:
        context["rules"] = rules_for(case)
    if step in {Step.CODE, Step.ENROL, Step.PASSKEY}:
        context |= _code_context(case, step, secondary)
    if step is not Step.LOST and case.may_be_lost:
        secondary.append(Action(label=_("I have lost it"), url=step_url(Step.LOST)))
    if case.confirms and not case.proved and not case.attempt.by_link:
        secondary += _other_confirmation(case)
    start = reverse("login:cancel")
    secondary.append(
        Action(label=_("Cancel"), url=start, method="post", fields={"attempt": str(case.attempt.uid)})
        if case.attempt.purpose == Purpose.CONFIRM
        else Action(
            label=_("Start again"), url=start, method="post", fields={"attempt": str(case.attempt.uid)}
        )
    )
    context["secondary"] = secondary
    return context
