"""The mail or text message that carries a code."""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.notices import language_of
from audit.record import Origin
from core.options import Snapshot
from delivery.derived import Derived
from delivery.models import Delivery, Kind
from delivery.services import enqueue
from twofactor.methods.sent import CODE_PURPOSE
from twofactor.models import Challenge, FactorKind, Purpose
from twofactor.options import EMAIL_FROM, EMAIL_SUBJECT, EXPIRY, SMS_FROM


def message_with_code(
    challenge: Challenge, user: User, *, settings: Snapshot, origin: Origin, now: datetime
) -> Delivery:
    """Inside a unit: the message with the code of this challenge."""
    by_sms = challenge.kind == FactorKind.SMS
    with translation.override(language_of(user)):
        subject = settings.text(EMAIL_SUBJECT) or str(
            _("Your sign-in code")
            if challenge.purpose == Purpose.SIGN_IN
            else _("Verify your e-mail address")
        )
    return enqueue(
        to=challenge.address,
        template="code" if challenge.purpose == Purpose.SIGN_IN else "verify",
        language=language_of(user),
        subject=subject,
        context={
            "display_name": user.display_name,
            "expires_minutes": settings.number(EXPIRY),
            "address": origin.address,
            "at": now.isoformat(),
        },
        secret=Derived(kind="code", purpose=CODE_PURPOSE, id=str(challenge.uid), digits=challenge.digits),
        kind=Kind.SMS if by_sms else Kind.EMAIL,
        from_address=settings.text(SMS_FROM if by_sms else EMAIL_FROM),
        company_id=user.company_id,
        company_uid=user.company.uid if user.company else None,
        user_uid=user.uid,
        now=now,
        expires_at=challenge.expires_at,
    )
