"""A parcel as a mail: both bodies, and the headers that tell machines what it is."""

from email.utils import format_datetime, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from delivery.gateways import Parcel


def mail_of(parcel: Parcel) -> EmailMultiAlternatives:
    """The mail; its Message-ID is that of the row, so a receiver can drop a duplicate made by a crash."""
    sender = parcel.from_address or settings.DEFAULT_FROM_EMAIL
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail = EmailMultiAlternatives(
        subject=parcel.subject,
        body=parcel.text,
        from_email=sender,
        to=[parcel.to],
        headers={
            "Message-ID": f"<{parcel.uid}@{domain}>",
            "Date": format_datetime(parcel.at),
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answer, please
            "X-Auto-Response-Suppress": "All",
        },
    )
    if parcel.html:
        mail.attach_alternative(parcel.html, "text/html")
    return mail
