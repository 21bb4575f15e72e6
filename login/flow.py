"""The sign-in flow as one pure function: from what has been established to the next step. Nothing here is stored.

Seed 002: user name and password, then the code, then roles and company. A due change of password comes after the second factor, so
that nothing secret waits in between.
"""

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Why somebody proves who he is."""

    SIGN_IN = "sign-in"
    CONFIRM = "confirm"  # again, in a session that there is: idle lock, or before a sensitive change
    FORGOTTEN = "forgotten"  # by a mailed link instead of the password, for a new password
    LINK = "link"  # by a mailed link, for a session; also where somebody signs up or joins
    SSO = "sso"  # by the token of an integration, once the person says so in his own browser


class Help(StrEnum):
    """How an attempt stands whose second proof an administrator is to give in the person's place (setting `agent`)."""

    NONE = ""
    DUE = "due"  # the codes are used up; nobody was asked yet
    ASKED = "asked"
    CONFIRMED = "confirmed"
    DENIED = "denied"


class Step(StrEnum):
    """What is asked for next. The values are the names in URLs and JSON."""

    CONTINUE = "continue"  # an integration vouches for the person, who has yet to say so in his own browser
    MAILED_CODE = "mailed-code"  # or the link of the same mail
    PASSWORD = "password"  # noqa: S105
    CHALLENGE = "challenge"  # a question of the directory
    METHOD = "method"
    PASSKEY = "passkey"
    CODE = "code"
    ENROL = "enrol"
    LOST = "lost"  # not asked for, but open beside the second proof: the person says that it is lost
    HELP = "help"  # an administrator makes sure who it is, on the phone or face to face
    CHANGE_PASSWORD = "change-password"  # noqa: S105
    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What has been established about one attempt."""

    purpose: Purpose
    ended: bool = False
    asked: bool = False  # the directory has a question before it says whether the password is right
    by_passkey: bool = False  # it began without a name: a passkey tells who it is
    by_link: bool = False  # a mailed link takes the place of the password
    passkey_proved: bool = False
    password_proved: bool = False
    link_proved: bool = False
    factor_needed: bool = False
    factor_proved: bool = False
    methods: tuple[str, ...] = ()
    method: str = ""
    without_method: str = "deny"  # deny, enrol, agent or allow
    help: Help = Help.NONE
    change_due: bool = False
    changed: bool = False


def next_step(facts: Facts) -> Step:
    """The one step that these facts ask for."""
    if facts.ended:
        return Step.DENIED
    if not _is_begun(facts):
        return _first_proof(facts)
    if facts.help is Help.DENIED:
        return Step.DENIED
    if facts.factor_needed and not facts.factor_proved and facts.help is not Help.CONFIRMED:
        if facts.help is not Help.NONE:
            return Step.HELP
        if facts.methods:
            if facts.method not in facts.methods:
                return Step.METHOD
            return Step.PASSKEY if facts.method == "passkey" else Step.CODE
        if facts.without_method == "enrol":
            return Step.ENROL
        if facts.without_method == "agent":
            return Step.HELP
        if facts.without_method != "allow":
            return Step.DENIED
    if facts.change_due and not facts.changed:
        return Step.CHANGE_PASSWORD
    return Step.DONE


def _is_begun(facts: Facts) -> bool:
    """Whether the first proof that this attempt asks for was given; no other one counts in its place."""
    if facts.by_link or facts.purpose is Purpose.SSO:
        return facts.link_proved
    return facts.password_proved or facts.passkey_proved


def _first_proof(facts: Facts) -> Step:
    if facts.purpose is Purpose.SSO:
        return Step.CONTINUE
    if facts.by_link:
        return Step.MAILED_CODE
    if facts.by_passkey:
        return Step.PASSKEY
    return Step.CHALLENGE if facts.asked else Step.PASSWORD
