"""The gateway of an installation without a mail server: each message becomes one file in the outbox folder."""

import os
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from delivery.gateways import Deferred, Parcel, Result, Sent
from delivery.gateways.mail import mail_of


class FileGateway:
    """Writes `<time>-<uid>.eml` or `.sms`, readable by the owner alone; a file appears whole or not at all."""

    def __init__(self, folder: Path, *, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def send(self, parcel: Parcel) -> Result:
        """Write one message; a full disk is a reason to try again."""
        name = f"{parcel.at:%Y%m%dT%H%M%S%f}-{parcel.uid}{self._suffix}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._folder / f".{name}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._content(parcel))
            draft.rename(self._folder / name)
        except OSError as error:
            return Deferred(f"The outbox folder cannot be written: {error.strerror}.")
        return Sent()

    def _content(self, parcel: Parcel) -> bytes:
        if self._suffix == ".eml":
            return mail_of(parcel).message().as_bytes()
        text = EmailMessage()
        text["To"], text["From"] = parcel.to, parcel.from_address
        text.set_content(parcel.text, cte="8bit")
        return text.as_bytes()
