"""What a sign-in may answer, beside a password that does not fit (`accounts.proof.TRY_AGAIN`)."""

from django.utils.translation import gettext_lazy as _

from core.outcomes import Denied

EXPIRED = Denied(code="expired", message=_("This sign-in has ended, or took too long. Please start again."))
OUT_OF_TURN = Denied(
    code="out_of_turn", message=_("That step is not the one asked for now. Nothing was changed; go on here.")
)
DENIED = Denied(code="denied", message=_("This sign-in cannot be completed."))
NO_METHOD = Denied(
    code="denied",
    message=_("A second factor is needed, and you have no way to prove it. Please ask your administrator."),
)
MAILBOX_IS_FACTOR = Denied(
    code="denied",
    message=_(
        "Your second factor is the mailbox that got the link, so it cannot prove a second thing. Please ask your administrator."
    ),
)
NO_WAY_TO_CONFIRM = Denied(
    code="denied",
    message=_(
        "Your account has neither a password nor a verified address here, so you cannot confirm that it is you. Sign out, and come back "
        "the way you came."
    ),
)
INVITATION_GONE = Denied(
    code="expired",
    message=_(
        "This invitation has been used, taken back, or is too old. Ask whoever invited you for a new one."
    ),
)
LINK_USED = Denied(code="expired", message=_("This link has been used, or is too old. Ask for a new one."))
LINK_CODE_WRONG = Denied(
    code="try_again",
    field="code",
    message=_("This code is not right. Take the short code from the same mail as the link."),
)
CODE_WRONG = Denied(
    code="try_again", field="code", message=_("This code is not right. Take the one of the newest mail.")
)

# Outcome of an ended attempt -> what the person reads.
OUTCOMES = {
    "unjudged": Denied(
        code="denied",
        message=_(
            "A second factor is needed, and the service that checks it does not answer. Please try again in a moment."
        ),
    ),
    "no_method": NO_METHOD,
    "link_checks_used_up": Denied(
        code="denied", message=_("The code was tried too often. This sign-in has ended; please start again.")
    ),
    "mailbox_is_factor": MAILBOX_IS_FACTOR,
    "sends_used_up": Denied(
        code="denied", message=_("Too many codes were asked for. This sign-in has ended; please start again.")
    ),
    "checks_used_up": Denied(
        code="denied", message=_("The code was tried too often. This sign-in has ended; please start again.")
    ),
    "help_denied": Denied(
        code="denied",
        message=_(
            "Your administrator could not make sure that it is you. This sign-in has ended. If it was you, please call again, or come by."
        ),
    ),
    "locked": Denied(
        code="denied",
        message=_("Too many tries: your account is locked now. Please ask your administrator to unlock it."),
    ),
}
