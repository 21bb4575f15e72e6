"""`script/services`: an OpenLDAP and a FreeRADIUS to try sign-in with directory accounts by, and the settings that lead to them.

Everything in them is known to whoever reads this: they listen on this machine alone, and no installation in earnest may trust them.
"""

import os
import shutil
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tests.services.certificates import Certificate
from tests.services.ldap import (
    AGENTS,
    GROUPS,
    PEOPLE,
    POLICIES,
    SERVICE,
    SERVICE_PASSWORD,
    SUPERVISORS,
    Ldap,
    group,
    password_of,
    person,
)
from tests.services.radius import SECRET, Person, Question, Radius, freeradius

PORTS = {"LDAP_PORT": 3890, "LDAPS_PORT": 6360, "RADIUS_PORT": 18120}  # unless the environment says otherwise
CERTIFICATE_DAYS = 365
ROLE, TENANT = "Contact Centre Agent", 101  # of the demo

CODE = Question(prompts=("Enter the code of your token",), answer="123456")
COLOUR = Question(prompts=("Which colour has your token?",), answer="blue", echo=True)
GERDA = Person(name="gerda", password=password_of("gerda"))
HANNA = Person(name="hanna", password=password_of("hanna"), questions=(CODE, COLOUR))

# name, what happens at the sign-in, and what the directory has beyond the usual
LDAP_PEOPLE: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("fritz", "signs in, with the role of the group", {}),
    ("frida", "has to change the password at first", {"pwdReset": "TRUE"}),
    (
        "franz",
        "has an expired password that still opens twice",
        {"pwdChangedTime": "20200101000000Z", "pwdPolicySubentry": f"cn=grace,{POLICIES}"},
    ),
    ("frank", "is locked in the directory", {"pwdAccountLockedTime": "000001010000Z"}),
)


def entries() -> Iterator[str]:
    """The people of the LDAP directory and their groups. Their ids are the same at every start, as those of one directory."""
    for name, _what, more in LDAP_PEOPLE:
        kept = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.example.org"))
        yield person(name, cn=f"{name.title()} Fuchs", o="Acme", entryUUID=kept, **more)
    yield group(AGENTS, *(f"uid={name},{PEOPLE}" for name, _what, _more in LDAP_PEOPLE))
    yield group(SUPERVISORS, AGENTS)


def port(name: str) -> int:
    """Where one of the servers listens."""
    return int(os.environ.get(name, PORTS[name]))


def is_taken(name: str) -> bool:
    """Whether somebody else is there already."""
    kind = socket.SOCK_DGRAM if name == "RADIUS_PORT" else socket.SOCK_STREAM
    with socket.socket(type=kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port(name)))
        except OSError:
            return True
    return False


def ldap(folder: Path) -> Ldap:
    """The LDAP server, filled anew, under the certificate that lies in this folder."""
    shutil.rmtree(folder / "db", ignore_errors=True)
    certificate = Certificate.kept(folder, valid=timedelta(days=CERTIFICATE_DAYS))
    return Ldap(folder, entries=entries(), tls=certificate, ports=(port("LDAP_PORT"), port("LDAPS_PORT")))


def _block(*rows: tuple[str, str]) -> str:
    """Labels and values, in line."""
    width = max(len(label) for label, _value in rows)
    return "\n".join(f"  {label:<{width}}  {value}" for label, value in rows)


def settings(directory: Ldap, radius: Radius) -> str:
    """What to paste where, and who there is. The words on the left are those of the forms."""
    form = _block(
        ("Name", "LDAP to try out"),
        ("Servers", directory.secure_url),
        ("Service account", SERVICE),
        ("Password of the service account", SERVICE_PASSWORD),
        ("Base DN", PEOPLE),
        ("Filter", "(uid={login})"),
        ("Attribute: tenant", "o"),
        ("Base DN of groups", GROUPS),
        ("Filter of groups", "(member={dn})"),
        ("Groups and the roles they give", f"{AGENTS} => {ROLE}"),
        ("Values of the tenant attribute", f"Acme => {TENANT}"),
        ("People may change their password here", "on"),
        ("CA certificates", "the lines below, all of them"),
    )
    other = _block(
        ("Name", "RADIUS to try out"),
        ("Servers", radius.name),
        ("Shared secret", radius.secret),
        ("Password coding", "PAP (CHAP works as well)"),
    )
    people = _block(
        *((name, f"{password_of(name)}   LDAP: {what}") for name, what, _more in LDAP_PEOPLE),
        (GERDA.name, f"{GERDA.password}   RADIUS: the password and nothing more"),
        (HANNA.name, f"{HANNA.password}   RADIUS: two questions, answers {CODE.answer} and {COLOUR.answer}"),
    )
    return f"""
An LDAP and a RADIUS server run on this machine alone. Their secrets stand in the source: trust them in a demo only.

1. Administration > Directories > Add, protocol LDAP:

{form}

{directory.authority.strip()}

   Also known as {directory.url} with StartTLS. {SUPERVISORS.partition(",")[0]} holds {AGENTS.partition(",")[0]}: for groups in groups.

2. Administration > Directories > Add, protocol RADIUS:

{other}

3. Administration > Directory persons: let the LDAP directory prove fritz and the RADIUS directory gerda and hanna (field Directory).
   The demo has these three; add the others to the tenant Acme ({TENANT}) under the names below.

4. Sign in with the name, the account being kept in the directory:

{people}

Ctrl-C stops both.
"""


def main() -> int:
    """Start both, tell how to use them, and wait until somebody says that it is enough."""
    if taken := [f"{port(name)} ({name})" for name in PORTS if is_taken(name)]:
        sys.stderr.write(f"In use: port {', '.join(taken)}. Do these services run already?\n")
        return 1
    folder = Path(os.environ["DATA_DIR"]) / "services"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SIGINT too: whoever is started in the background begins with it ignored.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.default_int_handler)
    try:
        directory = ldap(folder.resolve())
        try:
            with freeradius(people=(GERDA, HANNA), secret=SECRET, port=port("RADIUS_PORT")) as radius:
                sys.stdout.write(settings(directory, radius))
                sys.stdout.flush()
                while directory.is_up and radius.is_up:
                    time.sleep(1)
                sys.stderr.write(
                    "One of the two has ended, so this does too. See its log under DATA_DIR/services.\n"
                )
                return 1
        finally:
            directory.stop()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
