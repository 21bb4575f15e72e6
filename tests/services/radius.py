"""A FreeRADIUS of one's own, with people in it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services import needed
from tests.services.processes import Running

SECRET = "a shared secret of thirty-two bytes, or more"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the server asks beyond the password, in one Reply-Message or several."""

    prompts: tuple[str, ...]
    answer: str
    echo: bool = False


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody the server knows."""

    name: str
    password: str
    questions: tuple[Question, ...] = ()
    locked: bool = False


CODE = Question(prompts=("Enter your one-time code",), answer="123456")
COLOUR = Question(prompts=("Welcome back.", "Which colour has your token?"), answer="blau & grün", echo=True)
PIN = Question(prompts=("Choose a PIN",), answer="0x1234")
ALICE = Person(name="alice", password="alice-Passw0rd")
OTP = Person(name="otp", password="otp-Passw0rd", questions=(CODE,))
TRIO = Person(name="trio", password="trio-Passw0rd", questions=(CODE, COLOUR, PIN))
LOCKED = Person(name="locked", password="locked-Passw0rd", locked=True)
ZOE = Person(name="zoë", password="Grüße, 東京 'n' \"so\" %{User-Name} 🔑")
PEOPLE = (ALICE, OTP, TRIO, LOCKED, ZOE)


def users_file(people: Iterable[Person]) -> str:
    """The file `users`: who there is, and their passwords."""
    return "".join(
        f"{_quoted(one.name)} Auth-Type := Reject\n\tReply-Message = 'This account is locked.'\n"
        if one.locked
        else f"{_quoted(one.name)} Cleartext-Password := {_quoted(one.password)}\n\tReply-Message = 'Hello', Class = 0x7374616666\n"
        for one in people
    )


def configuration(folder: Path, *, port: int, people: Iterable[Person], secret: str, signed: bool) -> str:
    """The file `radiusd.conf`; with `signed` every answer carries a Message-Authenticator, which versions before 3.2.5 must be told."""
    people = list(people)
    sign = "update reply {\nMessage-Authenticator := 0x00\n}\n" if signed else ""
    return f"""
name = gatehouse
prefix = {folder}
logdir = {folder}
run_dir = {folder}
db_dir = {folder}
raddbdir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/radiusd.pid
hostname_lookups = no
max_request_time = 5
cleanup_delay = 1
correct_escapes = true
log {{
  destination = stdout
  auth = no
}}
security {{
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}}
thread pool {{
  start_servers = 2
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 4
}}
client loopback {{
  ipaddr = 127.0.0.0/8
  secret = {_quoted(secret)}
  require_message_authenticator = yes
}}
modules {{
  pap {{
    normalise = no
  }}
  chap {{
  }}
  files {{
    usersfile = {folder}/users
  }}
  always reject {{
    rcode = reject
  }}
  always ok {{
    rcode = ok
  }}
  always handled {{
    rcode = handled
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    Autz-Type Status-Server {{
      ok
    }}
    chap
    files
    {_expected_answers(people)}
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
      {_questions_in_turn(people)}
    }}
    Auth-Type CHAP {{
      chap
      {_questions_in_turn(people)}
    }}
  }}
  post-auth {{
    {sign}
    Post-Auth-Type REJECT {{
      {sign}
    }}
    Post-Auth-Type Challenge {{
      {sign}
    }}
  }}
}}
"""


def _quoted(text: str) -> str:
    # In single quotes nothing is expanded.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _state(person: Person, number: int) -> str:
    # The digits of hexadecimal digits: octets that look like such a notation themselves, and must come back as they are.
    return "0x" + f"0x{person.name.encode().hex()}{number:02}".encode().hex()


def _expected_answers(people: Iterable[Person]) -> str:
    """In an answer to a question, the password is the answer; a State that the server did not give out is refused."""
    lines = ["if (&State) {"]
    for person in people:
        for number, question in enumerate(person.questions):
            lines += [
                f"if (&User-Name == {_quoted(person.name)} && &State == {_state(person, number)}) {{",
                f"update control {{\nCleartext-Password := {_quoted(question.answer)}\n}}",
                "}\nelse {",
            ]
    lines += ["reject", *["}" for person in people for _ in person.questions], "}"]
    return "\n".join(lines)


def _questions_in_turn(people: Iterable[Person]) -> str:
    """After the password the first question, after the answer to it the next."""
    lines = []
    for person in people:
        for number, question in enumerate(person.questions):
            before = f"&State == {_state(person, number - 1)}" if number else "!&State"
            lines += [
                f"if (&User-Name == {_quoted(person.name)} && {before}) {{",
                "update control {\nResponse-Packet-Type := Access-Challenge\n}",
                "update reply {",
                "Reply-Message !* ANY",
                *[f"Reply-Message += {_quoted(prompt)}" for prompt in question.prompts],
                f"State := {_state(person, number)}",
                f"Prompt := {'Echo' if question.echo else 'No-Echo'}",
                "}\nhandled\n}",
            ]
    return "\n".join(lines)


class Radius(Running):
    """A server that can be killed, started again on its port, and hung."""

    def __init__(
        self,
        folder: Path,
        *,
        people: Iterable[Person] = PEOPLE,
        secret: str = SECRET,
        signed: bool = True,
        port: int = 0,
    ) -> None:
        program = needed("freeradius", package="freeradius")
        self.secret, self._folder, self._port = secret, folder, port or free_udp_port()
        files = {
            "radiusd.conf": configuration(
                folder, port=self._port, people=people, secret=secret, signed=signed
            ),
            "users": users_file(people),
        }
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o640)
        self._how: dict[str, int | list[int]] = {}
        if os.geteuid() == 0:  # as its package runs it
            owner = pwd.getpwnam("freerad")
            for path in (folder, *folder.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            self._how = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._command = [program, "-f", "-d", str(folder), "-n", "radiusd", "-l", "stdout"]
        self.start()

    @property
    def name(self) -> str:
        """Host and port, as the settings of a directory write them."""
        return f"127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The UDP port."""
        return self._port

    @property
    def log(self) -> str:
        """What the server says of itself since it was started."""
        return (self._folder / "log").read_text()

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(
                self._command, stdout=log, stderr=log, cwd=self._folder, **self._how
            )
        deadline = time.monotonic() + 15
        while "Ready to process requests" not in self.log:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"FreeRADIUS did not start:\n{self.log}")
            time.sleep(0.01)


@contextmanager
def freeradius(
    *, people: Iterable[Person] = PEOPLE, secret: str = SECRET, signed: bool = True, port: int = 0
) -> Iterator[Radius]:
    """A fresh server."""
    folder = Path(tempfile.mkdtemp(prefix="ghradius", dir="/tmp"))
    server = None
    try:
        server = Radius(folder, people=people, secret=secret, signed=signed, port=port)
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_udp_port() -> int:
    """A port on the loopback address that nobody receives datagrams on right now."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
