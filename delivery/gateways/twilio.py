"""The gateway for text messages: Twilio, by its own client, which is loaded at the first message: it takes a fifth of a second."""

import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import timezone

from delivery.gateways import Deferred, Parcel, Refused, Result, Sent
from delivery.gateways.smtp import LOOPBACK

ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
MESSAGE = re.compile(r"(SM|MM)[0-9a-f]{32}")
SERVICE = re.compile(r"MG[0-9a-f]{32}")  # a messaging service of Twilio's, which picks the number itself
LONGEST_WAIT = 600  # seconds; who asks for more is asked again all the same
SHORTEST_LIFE, LONGEST_LIFE = 5, 36_000  # seconds that Twilio may keep a message in its queue

# Faults of ours that an administrator can mend while the message is still good: the account, its rights, the sender.
_OURS = {20003, 20005, 20006, 20008, 20404, 21212, 21603, 21606, 21611, 21659, 21660, 21661, 63038}
_FOR_NOW = {401, 404, 408, 409, 425, 429}
# What Twilio says is not repeated, for it quotes what it was sent; its numbers are.
_WORDS = {
    20003: "it does not accept TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN",
    20404: "it does not know TWILIO_ACCOUNT_SID",
    20429: "it has too many messages of ours in hand",
    21211: "there is no such number",
    21212: "the sender is no number that it knows",
    21408: "messages to this country are not switched on",
    21603: "no sender is set: set TWILIO_FROM or TwoFactor.SmsFrom",
    21606: "the sender is no number of this account",
    21610: "the person has asked for no more messages",
    21612: "this number cannot be reached from this sender",
    21614: "the number is not one of a mobile phone",
    30003: "the phone cannot be reached",
    30004: "the phone or its network blocks it",
    30005: "the number is unknown or no longer in use",
    30006: "the number is a landline, or its network cannot be reached",
    30007: "the network took it for spam",
    30008: "the network gave no reason",
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account at Twilio, as the environment names it."""

    sid: str
    token: str = field(repr=False)
    sender: str
    base: str  # empty: Twilio itself


def account() -> Account | None:
    """The account that is set up; None where there is none. Raises ImproperlyConfigured for one that cannot be used."""
    sid, token, base = settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_API_BASE
    if not sid and not token:
        return None
    if not ACCOUNT.fullmatch(sid):
        raise ImproperlyConfigured("TWILIO_ACCOUNT_SID is AC and 32 hexadecimal digits.")
    if not token:
        raise ImproperlyConfigured("TWILIO_ACCOUNT_SID is set, and TWILIO_AUTH_TOKEN is not.")
    if base:
        parts = urlsplit(base)
        # Anywhere else it would be a way to have the account's token sent to a stranger.
        if parts.scheme not in {"http", "https"} or parts.hostname not in LOOPBACK or parts.username:
            raise ImproperlyConfigured("TWILIO_API_BASE may only name this machine, for tests; leave it out.")
    return Account(sid=sid, token=token, sender=settings.TWILIO_FROM, base=base.rstrip("/"))


def words_for(said: str, number: int | None) -> str:
    """The reason for the administrator: what Twilio said, its number for it, and what that number means."""
    named = f" ({number})" if number else ""
    known = f": {_WORDS[number]}" if number in _WORDS else ""
    return f"Twilio {said}{named}{known}."


class TwilioGateway:
    """One connection for a batch. Twilio that cannot be reached, or wants to be left alone, is asked once for a batch."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._http: _Http | None = None
        self._put_off: Deferred | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            self._http.close()

    def send(self, parcel: Parcel) -> Result:
        """Hand over one message."""
        if self._put_off is not None:
            return self._put_off
        sender = parcel.from_address or self._account.sender
        if not sender:
            return Deferred("No sender is set: set TWILIO_FROM or TwoFactor.SmsFrom.")
        from requests import RequestException
        from twilio.base.exceptions import TwilioException
        from twilio.rest import Client

        http = self._http = self._http or _Http(base=self._account.base)
        client = Client(self._account.sid, self._account.token, http_client=http)
        try:
            message = client.messages.create(**_fields(parcel, sender))
        except RequestException as error:
            self._put_off = Deferred(f"Twilio cannot be reached: {type(error).__name__}.")
            return self._put_off
        except TwilioException as error:
            return self._refusal(error, http.answered)
        except Exception as error:
            # The client reads answers without looking; what went wrong with one may quote the code.
            return Deferred(f"Twilio's answer cannot be understood: {type(error).__name__}.")
        sid = message.sid
        if not isinstance(sid, str) or not MESSAGE.fullmatch(sid):
            return Deferred("Twilio's answer cannot be understood: it names no message.")
        return Sent(provider_id=sid)

    def _refusal(self, error: Exception, answered: dict[str, str]) -> Result:
        status, number = getattr(error, "status", None), getattr(error, "code", None)
        if not isinstance(status, int):
            return Deferred(f"Twilio's answer cannot be understood: {type(error).__name__}.")
        if not isinstance(number, int) or number == status:
            number = None  # the client puts the status where there is no number
        reason = words_for(f"answered {status}", number)
        is_final = 400 <= status < 500 and status not in _FOR_NOW
        if is_final and number is not None and number not in _OURS:
            return Refused(reason)
        put_off = Deferred(reason, after=_seconds(answered.get("retry-after", "")))
        if status in {401, 429} or status >= 500:
            self._put_off = put_off
        return put_off


def is_signed(url: str, given: Any, signature: str, *, account: Account) -> bool:
    """Whether Twilio has called this address with these fields: only it and we know the token."""
    from twilio.request_validator import RequestValidator

    return bool(RequestValidator(account.token).validate(url, given, signature))


def _fields(parcel: Parcel, sender: str) -> dict[str, Any]:
    left = round((parcel.expires_at - timezone.now()).total_seconds())
    return {
        "to": parcel.to,
        "body": parcel.text,
        # A code that is too late is worse than none: whoever types it believes that something is wrong.
        "validity_period": max(SHORTEST_LIFE, min(left, LONGEST_LIFE)),
        "messaging_service_sid" if SERVICE.fullmatch(sender) else "from_": sender,
        **({} if settings.LOOPBACK else {"status_callback": callback_url(parcel.uid)}),
    }


def callback_url(uid: UUID) -> str:
    """Where Twilio tells what became of a message. The id is in it, for Twilio may call before we have noted its own."""
    return settings.PUBLIC_URL + reverse("delivery:twilio-status", args=[uid])


def _seconds(text: str) -> int:
    return min(int(text), LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,6}", text) else 0


class _Http:
    """Twilio's HTTP client with a time-out (by itself it waits for ever), led to the twin where there is one."""

    def __init__(self, *, base: str) -> None:
        from twilio.http.http_client import TwilioHttpClient

        self._base = base
        self._inner = TwilioHttpClient(timeout=settings.TWILIO_TIMEOUT)
        self.answered: dict[str, str] = {}  # the headers of the last answer, which errors do not carry

    def request(self, method: str, url: str, *given: Any, **more: Any) -> Any:
        """What the client asks for."""
        self.answered = {}
        if self._base:
            asked = urlsplit(url)
            more["headers"] = {**(more.get("headers") or {}), "X-Twilio-Host": asked.netloc}
            url = self._base + asked.path + (f"?{asked.query}" if asked.query else "")
        response = self._inner.request(method, url, *given, **more)
        self.answered = {name.lower(): value for name, value in (response.headers or {}).items()}
        return response

    def close(self) -> None:
        """Close its connections."""
        self._inner.session.close()
