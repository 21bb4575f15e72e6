"""Codes that the portal makes and sends: by e-mail and by text message."""

from datetime import datetime

from accounts.models import User
from accounts.names import masked_email, masked_phone
from core import entropy
from twofactor.methods.base import Method
from twofactor.models import Challenge, FactorKind

CODE_PURPOSE = "twofactor"


class SentCode(Method):
    """A code that is derived from its challenge."""

    sends = True

    def is_right(self, given: str, challenge: Challenge, *, now: datetime) -> bool:
        """Whether it is the code of this challenge."""
        return entropy.is_derived_code(
            given, purpose=CODE_PURPOSE, id=str(challenge.uid), digits=challenge.digits
        )


class Email(SentCode):
    """To the verified e-mail address."""

    kind = FactorKind.EMAIL

    def address(self, user: User) -> str:
        """The person's address."""
        return user.email

    def label(self, user: User) -> str:
        """The address, masked."""
        return masked_email(user.email)


class Sms(SentCode):
    """To the verified phone number."""

    kind = FactorKind.SMS
    amr = "sms"

    def address(self, user: User) -> str:
        """The person's number."""
        return user.phone

    def label(self, user: User) -> str:
        """The number, masked."""
        return masked_phone(user.phone)
