"""Mails, and text messages to people without a mailbox, that tell a person what happened to the account."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.texts import may_tell
from audit.record import Origin
from core.contacts import is_phone
from delivery.derived import Derived
from delivery.models import Kind
from delivery.services import enqueue

_NOTICES = {
    "factor_removed": (
        _("A second factor was turned off"),
        _(
            "A second factor was turned off for your account: %(factor)s. If this was not you, change your password and tell your "
            "administrator."
        ),
    ),
    "factor_added": (
        _("A second factor was turned on"),
        _(
            "A second factor was turned on for your account: %(factor)s. If this was not you, change your password and tell your "
            "administrator."
        ),
    ),
    "factor_changed": (
        _("A second factor was changed"),
        _(
            "A second factor of your account was named anew, or is proposed first from now on: %(factor)s. If this was not you, change "
            "your password and tell your administrator."
        ),
    ),
    "factors_reset": (
        _("Your second factors were turned off"),
        _(
            "An administrator turned off every second factor of your account and ended your sessions. If you did not ask for this, tell "
            "your administrator at once."
        ),
    ),
    "email_changed": (
        _("Your e-mail address was changed"),
        _(
            "The address of your account was changed; this one no longer counts. If this was not you, tell your administrator at once."
        ),
    ),
    "phone_changed": (
        _("Your phone number was changed"),
        _(
            "The phone number of your account was changed; the old one no longer counts. If this was not you, tell your administrator at "
            "once."
        ),
    ),
    "password_changed": (
        _("Your password was changed"),
        _(
            "The password of your account was changed, and every other session was ended. If this was not you, tell your administrator."
        ),
    ),
    "impersonated": (
        _("An administrator looks at the portal as you"),
        _(
            "%(administrator)s looks at the portal as you see it, for at most %(minutes)s minutes, and can change nothing. The reason "
            "given: %(reason)s. If you do not know of it, ask your administrator."
        ),
    ),
    "impersonated_writing": (
        _("An administrator uses the portal as you"),
        _(
            "%(administrator)s uses the portal as you, for at most %(minutes)s minutes, and can change what you can change, except "
            "your own account. The reason given: %(reason)s. If you do not know of it, ask your administrator."
        ),
    ),
    "locked_down": (
        _("Your account was locked"),
        _(
            "An administrator has locked your account and ended everything that was signed in to it, because somebody else may have it. "
            "Please speak to your administrator. Once it is unlocked, your old password opens it no more."
        ),
    ),
    "temporary_code": (
        _("A temporary code was made for your account"),
        _(
            "An administrator made a code that stands for your second factor once, within the next hour. If you did not ask for it, tell "
            "your administrator at once."
        ),
    ),
    "help_asked": (
        _("Somebody asked for help to sign in as you"),
        _(
            "Somebody who gave the first proof for your account, such as its password, asked an administrator for help in the place of the "
            "second factor. If this was not you, tell your administrator at once, and change your password."
        ),
    ),
    "help_confirmed": (
        _("An administrator let you sign in without your second factor"),
        _(
            "%(administrator)s made sure that it is you, and let one sign-in go on without your second factor. If this was not you, tell "
            "your administrator at once."
        ),
    ),
    "help_denied": (
        _("An administrator did not let somebody sign in as you"),
        _(
            "Somebody who gave the first proof for your account, such as its password, asked for help to sign in. An administrator could "
            "not make sure that it was you, and ended it. If it was not you, change your password."
        ),
    ),
    "recovery_asked": (
        _("Somebody says that your second factor is lost"),
        _(
            "Somebody who knows your password says that your second factor is lost. From %(due)s on, a code sent to you stands for it, "
            "once. If this was not you, end it: by the link in our mail, or by signing in with your second factor. Then change your "
            "password."
        ),
    ),
    "recovery_due": (
        _("Your second factor can be replaced now"),
        _(
            "Somebody who knows your password said that your second factor is lost. For seven days from now on, a code sent to you stands "
            "for it, once. If this was not you, end it: by the link in our mail, or by signing in with your second factor. Then change "
            "your password."
        ),
    ),
    "recovery_used": (
        _("Your second factors were turned off"),
        _(
            "After the waiting time, somebody signed in with your password and a code sent to you. Every second factor of your account was "
            "turned off, and every other session was ended. If this was not you, tell your administrator at once."
        ),
    ),
    "recovery_ended": (
        _("Your second factor stays"),
        _(
            "Somebody had said that your second factor is lost. That was ended, and your second factor stays as it is. If it was not you "
            "who had said so, change your password: whoever did knows it."
        ),
    ),
    "api_key_made": (
        _("An API key was made for your account"),
        _(
            "An API key was made for your account: %(name)s. Until it ends or is revoked, a program that has it acts as you. If you do "
            "not know of it, revoke it on the page API keys of your account and tell your administrator."
        ),
    ),
    "api_key_revoked": (
        _("An API key of your account was revoked"),
        _(
            "An API key of your account was revoked: %(name)s. Whatever used it is refused from now on. If you did not expect this, ask "
            "your administrator."
        ),
    ),
    "kept_in_directory": (
        _("Setting a new password"),
        _(
            "Somebody asked for a link to set a new password for your account. Your account is kept in the directory of your "
            "organisation, so its password cannot be set by a link. Please ask whoever looks after the directory."
        ),
    ),
    "joins_elsewhere": (
        _("Joining another company"),
        _(
            "Somebody asked to join a company with this address. It belongs to an account of another company, and an account belongs to "
            "one. Please ask whoever invited you to use another address."
        ),
    ),
    "mailbox_is_factor_of_link": (
        _("Signing in by a link"),
        _(
            "Somebody asked for a link to sign in to your account. Your second factor is this very mailbox, so a link to it cannot prove "
            "on its own that it is you. Please sign in with your password, or turn on another second factor first."
        ),
    ),
    "mailbox_is_factor": (
        _("Setting a new password"),
        _(
            "Somebody asked for a link to set a new password for your account. Your second factor is this very mailbox, so a link to it "
            "cannot prove on its own that it is you. Please ask your administrator to set a new password."
        ),
    ),
}


_BY_OTHERS = {"impersonated", "impersonated_writing"}  # what the person can end


def language_of(user: User) -> str:
    """The language of mails to this person."""
    return user.language or translation.get_language() or "en"


def verified_channels(user: User) -> list[str]:
    """Where the person is told what happened: the verified address, and only without one the verified number."""
    if user.email and user.email_verified_at:
        return [user.email]
    return [user.phone] if user.phone and user.phone_verified_at else []


def any_channels(user: User) -> list[str]:
    """The same; where nothing is verified, the address or number there is: untold is worse than told where nobody has proved it.

    Of external people the directory vouches for it.
    """
    return verified_channels(user) or [one for one in (user.email, user.phone) if one][:1]


def every_channel(user: User) -> list[str]:
    """Every address and number that is the person's own, proved or vouched for by the directory: for what must not go unseen."""
    contacts = ((user.email, user.email_verified_at), (user.phone, user.phone_verified_at))
    return [one for one, verified in contacts if one and (verified or user.is_external)]


def notify(
    user: User,
    *,
    to: Iterable[str],
    sentence: str,
    origin: Origin,
    now: datetime,
    url: str = "",
    secret: Derived | None = None,
    **values: str | Promise,
) -> int:
    """Inside a unit: tell the person at these addresses and numbers what happened to the account; at how many of them.

    `values` fill the sentence; `url` is a link that mails end with, and `secret` what stands in it.
    """
    subject, words = _NOTICES[sentence]
    told = 0
    with translation.override(language_of(user)):
        for address in to:
            by_text = is_phone(address)
            if address and (not by_text or may_tell(user, address, origin=origin, now=now)):
                enqueue(
                    kind=Kind.SMS if by_text else Kind.EMAIL,
                    to=address,
                    template="notice",
                    language=language_of(user),
                    subject="" if by_text else str(subject),
                    context={
                        "display_name": user.display_name,
                        "sentence": str(words) % values if values else str(words),
                        "by_other": sentence in _BY_OTHERS,
                        **({} if by_text or not url else {"url": url}),
                        "address": origin.address,
                        "at": now.isoformat(),
                    },
                    secret=None if by_text else secret,
                    company_id=user.company_id,
                    company_uid=user.company.uid if user.company else None,
                    user_uid=user.uid,
                    now=now,
                    expires_at=now + timedelta(days=2),
                )
                told += 1
    return told
