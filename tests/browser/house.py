"""The running product seen from behind: its people, its mails, and its clock as far as a session goes."""

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from functools import cached_property
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

from tests.services.product import Product
from tests.services.smtp import CODE, text_of

ROSA = "rosa@gatehouse.example"
ADA = "ada@acme.example"
BEN = "ben@acme.example"
CLEO = "cleo@globex.example"
PASSWORD = "a lantern in the harbour 7"
NEW_PASSWORD = "two kettles under the bridge 8"
LINK = re.compile(
    r"(?P<link>https?://\S+/(?:login/forgotten|login/link)/\S+)(?:.*^ {4}(?P<code>\S+)\s*$)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class House:
    """One product for all tests of the browser; each makes the people that it needs."""

    product: Product
    _read: dict[str, int] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        """Where it is."""
        return self.product.url

    # --- mails -----------------------------------------------------------------------------------------------------------

    def mail_with(self, pattern: re.Pattern[str], *, to: str) -> re.Match[str]:
        """The next mail to this address in which the pattern stands; waits for it."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            mails = self._mails(to)
            for number, text in enumerate(mails[self._read.get(to, 0) :], self._read.get(to, 0) + 1):
                if found := pattern.search(text):
                    self._read[to] = number
                    return found
            time.sleep(0.03)
        raise AssertionError(f"no mail to {to} with {pattern.pattern}")

    def code(self, to: str) -> str:
        """The code of the next mail."""
        return self.mail_with(CODE, to=to)[1]

    def _mails(self, to: str) -> list[str]:
        mails = []
        for path in self.product.mails():
            mail = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=modern)
            if mail["To"] == to:
                mails.append(text_of(mail))
        return mails

    # --- people ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _token(self) -> str:
        """An access token of Rosa, who administers everything."""
        _status, begun = self.product.ask("/api/v1/login/", {"username": ROSA})
        handle = begun["handle"]
        self.product.ask("/api/v1/login/password/", {"handle": handle, "password": self.product.password})
        status, gained = self.product.ask("/api/v1/login/code/", {"handle": handle, "code": self.code(ROSA)})
        assert (status, gained["step"]) == (200, "done"), gained
        token: str = gained["access_token"]
        return token

    def ask(self, path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
        """What a program of Rosa's gets from the REST API."""
        try:
            return self._answer(path, body, method)
        except HTTPError as error:
            if error.code != 401:
                raise
            del self._token  # it lives for five minutes, and a slow machine takes longer for all its tests
            return self._answer(path, body, method)

    def _answer(self, path: str, body: dict[str, Any] | None, method: str | None) -> Any:
        request = Request(  # noqa: S310
            f"{self.url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method=method,
        )
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def _id_of(self, kind: str, name: str) -> str:
        found = [row["id"] for row in self.ask(f"{kind}/")["results"] if row["name"] == name]
        assert found, f"there is no {name} among the {kind}"
        return str(found[0])

    def person(self, name: str = "Dora", *, role: str = "Agent", company: str = "Acme", **given: Any) -> str:
        """Somebody new who signs in with PASSWORD; the e-mail address."""
        email = f"{name.split()[0].lower()}{next(self._numbers)}@acme.example"
        where = self._id_of("companies", company)
        roles = [self._id_of("roles", role)] if role else []
        self.ask(
            "users/",
            {"email": email, "display_name": name, "password": PASSWORD, "company": where, "roles": roles}
            | given,
        )
        return email

    def verify(self, email: str) -> None:
        """Let the address of this person be proved."""
        with closing(sqlite3.connect(self.product.folder / "db.sqlite3", timeout=10)) as database, database:
            database.execute(
                "UPDATE accounts_user SET email_verified_at = created_at WHERE email = ?", (email,)
            )
            database.execute("UPDATE core_epoch SET version = version + 1")

    @contextmanager
    def needing_factor(self) -> Iterator[None]:
        """Let every connected application need a second factor for a while."""
        self._let_clients_need(factor=True)
        try:
            yield
        finally:
            self._let_clients_need(factor=False)

    def _let_clients_need(self, *, factor: bool) -> None:
        with closing(sqlite3.connect(self.product.folder / "db.sqlite3", timeout=10)) as database, database:
            database.execute("UPDATE oidc_client SET needs_factor = ?", (factor,))

    def lose_app(self, email: str) -> None:
        """Let this person have an app turned on that nobody has."""
        with closing(sqlite3.connect(self.product.folder / "db.sqlite3", timeout=10)) as database, database:
            database.execute(
                "INSERT INTO twofactor_factor (uid, user_id, kind, created_at, confirmed_at)"
                " SELECT ?, id, 'totp', created_at, created_at FROM accounts_user WHERE email = ?",
                (uuid4().hex, email),
            )
            database.execute("UPDATE accounts_user SET factor_kinds = ',totp,' WHERE email = ?", (email,))
            database.execute("UPDATE core_epoch SET version = version + 1")

    # --- time ------------------------------------------------------------------------------------------------------------

    def leave_idle(self, email: str, *, minutes: int) -> None:
        """Let this person's sessions look as if nobody had used them for so long."""
        then = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.%f")
        with closing(sqlite3.connect(self.product.folder / "db.sqlite3", timeout=10)) as database, database:
            database.execute(
                "UPDATE accounts_session SET seen_at = ? WHERE user_id = (SELECT id FROM accounts_user WHERE email = ?)",
                (then, email),
            )
            database.execute("UPDATE core_epoch SET version = version + 1")
        time.sleep(0.6)  # the served product looks at the version a few times a second
