"""A real LDAP directory: OpenLDAP's slapd with password policies, groups in groups, and a few odd entries."""

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.services import free_port, missing
from tests.services.certificates import Certificate
from tests.services.processes import Running

BASE = "dc=example,dc=org"
PEOPLE, GROUPS, POLICIES = f"ou=people,{BASE}", f"ou=groups,{BASE}", f"ou=policies,{BASE}"
ELSEWHERE = f"ou=elsewhere,{BASE}"
SERVICE, SERVICE_PASSWORD = f"cn=portal,{BASE}", "of-the-portal-1"
DORA, EGON = f"uid=dora,{PEOPLE}", f"uid=egon,{PEOPLE}"
AGENTS, SUPERVISORS, MANAGERS = (f"cn={name},{GROUPS}" for name in ("agents", "supervisors", "managers"))
RING_ONE, RING_TWO = f"cn=ring one,{GROUPS}", f"cn=ring two,{GROUPS}"
LOCKS_AFTER = 3  # wrong passwords

_MODULES = "/usr/lib/ldap"
_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/dyngroup.schema
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
modulepath {modules}
moduleload back_mdb
moduleload ppolicy
moduleload dynlist
sizelimit 500
idletimeout 60
{tls}
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw of-the-admin-1
directory {folder}/db
maxsize 67108864
dbnosync
index objectClass,entryCSN,entryUUID eq
index uid,mail,member,cn pres,eq
access to attrs=userPassword by self write by anonymous auth by * none
access to * by users read by anonymous auth by * none
limits dn.exact="cn=portal,{base}" size.soft=500 size.hard=500 size.pr=1000 size.prtotal=unlimited
overlay ppolicy
ppolicy_default "cn=default,{policies}"
ppolicy_use_lockout
overlay dynlist
dynlist-attrset groupOfURLs memberURL member
"""
_TLS = """
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
TLSProtocolMin 3.3
"""


def configuration(folder: Path, *, tls: bool = True, require_tls: bool = False) -> str:
    """The text of slapd.conf for a server that keeps everything in this folder, with its certificate as ca.pem, cert.pem, key.pem."""
    text = _CONFIGURATION.format(
        folder=folder,
        modules=_MODULES,
        base=BASE,
        policies=POLICIES,
        tls=_TLS.format(folder=folder) if tls else "",
    )
    return text + ("security simple_bind=128\n" if require_tls else "")


def entry(dn: str, **values: str | bytes | list[str]) -> str:
    """One entry as LDIF."""
    lines = [_line("dn", dn)]
    for name, value in values.items():
        lines += [_line(name, one) for one in (value if isinstance(value, list) else [value])]
    return "\n".join(lines) + "\n\n"


def _line(name: str, value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return f"{name}:: {base64.b64encode(raw).decode()}"


def hashed(password: str) -> str:
    """A password as slapd keeps it."""
    salt = os.urandom(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()  # noqa: S324  (slapd's)


def password_of(uid: str) -> str:
    """The password of a person whom `person` made."""
    return f"{uid}-Passw0rd"


def person(uid: str, *, rdn: str = "", **more: str | bytes | list[str]) -> str:
    """One person; `more` attributes come on top, or in the place of the usual ones."""
    values: dict[str, str | bytes | list[str]] = {
        "objectClass": "inetOrgPerson",
        "uid": uid,
        "cn": f"{uid.title()} Test",
        "sn": "Test",
        "mail": f"{uid}@example.org",
        "userPassword": hashed(password_of(uid)),
    }
    return entry(f"{rdn or f'uid={uid}'},{PEOPLE}", **(values | more))


def people(number: int) -> Iterator[str]:
    """So many people, user0, user1, …, for measuring."""
    return (person(f"user{index}") for index in range(number))


def group(dn: str, *members: str, **more: str) -> str:
    """One group of these members."""
    name = dn.partition(",")[0].partition("=")[2]
    return entry(dn, objectClass="groupOfNames", cn=name, member=list(members), **more)


def policy(name: str, **more: str) -> str:
    """One password policy."""
    values = {
        "pwdAttribute": "userPassword",
        "pwdLockout": "TRUE",
        "pwdMaxFailure": str(LOCKS_AFTER),
        "pwdLockoutDuration": "60",
        "pwdFailureCountInterval": "60",
        "pwdMustChange": "TRUE",
        "pwdMaxAge": "7776000",
        "pwdInHistory": "3",
        "pwdMinLength": "8",
        "pwdCheckQuality": "1",
        "pwdAllowUserChange": "TRUE",
    }
    classes = ["pwdPolicy", "person"]
    return entry(f"cn={name},{POLICIES}", objectClass=classes, cn=name, sn="policy", **(values | more))


def _stamp(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).strftime("%Y%m%d%H%M%SZ")


def tree() -> Iterator[str]:
    """What every directory has: the branches, the service account, and the policies."""
    yield entry(BASE, objectClass=["dcObject", "organization"], o="Example", dc="example")
    for dn in (PEOPLE, GROUPS, POLICIES):
        yield entry(dn, objectClass="organizationalUnit", ou=dn.partition(",")[0].partition("=")[2])
    # The password of an account that no person has does not expire.
    yield entry(
        SERVICE,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="portal",
        userPassword=hashed(SERVICE_PASSWORD),
        pwdPolicySubentry=f"cn=service,{POLICIES}",
    )
    yield policy("default")
    yield policy("service", pwdMaxAge="0", pwdLockout="FALSE")
    yield policy("grace", pwdGraceAuthNLimit="2")
    yield policy("warning", pwdExpireWarning="7776000")
    yield policy("fixed", pwdAllowUserChange="FALSE")


def cast() -> Iterator[str]:
    """Dora and Egon; those whose passwords are no longer what they were; and those whom no directory should have."""
    yield person("dora", telephoneNumber="+49 30 1234567", o="Acme", cn="Dora Müller")
    yield person("egon", o="Globex")
    yield person("must-change", pwdReset="TRUE")
    yield person("expired", pwdChangedTime="20200101000000Z")
    yield person("grace", pwdChangedTime="20200101000000Z", pwdPolicySubentry=f"cn=grace,{POLICIES}")
    yield person("warned", pwdChangedTime=_stamp(days=80), pwdPolicySubentry=f"cn=warning,{POLICIES}")
    yield person("fixed", pwdPolicySubentry=f"cn=fixed,{POLICIES}")
    yield person("locked", pwdAccountLockedTime="000001010000Z")
    yield person("twin", rdn="cn=first twin", cn="first twin")
    yield person("twin", rdn="cn=second twin", cn="second twin")
    yield entry(f"uid=no-password,{PEOPLE}", objectClass="inetOrgPerson", uid="no-password", cn="x", sn="x")
    yield person("o'neil, (the) *\\", rdn=r"uid=o'neil\2c (the) *\5c")
    yield person("жанна", rdn="uid=жанна")
    yield person(
        "hugo",
        cn="Hu\ngo\x00\x1b[31m " + "x" * 5000,
        mail="x" * 5000 + "@example.org",
        telephoneNumber=["1" * 500, "2"],
        o="y" * 5000,
        description=[f"{index}" * 50 for index in range(200)],
    )
    yield group(AGENTS, DORA, EGON, description="dora")
    yield group(SUPERVISORS, AGENTS)
    yield group(MANAGERS, SUPERVISORS)
    yield group(RING_ONE, RING_TWO, EGON)
    yield group(RING_TWO, RING_ONE)
    yield group(f"cn=others,{GROUPS}", SERVICE)


def referral(url: str) -> str:
    """A branch that is said to be at another server."""
    return entry(ELSEWHERE, objectClass=["referral", "extensibleObject"], ou="elsewhere", ref=url)


def _program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return path or missing("slapd")


class Ldap(Running):
    """A server that can be killed, started again on its ports, and hung."""

    def __init__(
        self,
        folder: Path,
        *,
        entries: Iterable[str],
        tls: Certificate | None,
        require_tls: bool = False,
        ports: tuple[int, int] | None = None,
    ) -> None:
        self.folder, self.tls = folder, tls
        self.port, self.secure_port = ports or (free_port(), free_port())
        (folder / "db").mkdir(mode=0o700)
        (folder / "slapd.conf").write_text(
            configuration(folder, tls=tls is not None, require_tls=require_tls)
        )
        (folder / "data.ldif").write_text("".join([*tree(), *entries]))
        fill = [_program("slapadd"), "-q", "-f", folder / "slapd.conf", "-l", folder / "data.ldif"]
        subprocess.run(fill, check=True, cwd=folder, capture_output=True)
        self.start()

    @property
    def url(self) -> str:
        """The address for StartTLS, or for no TLS at all."""
        return f"ldap://localhost:{self.port}"

    @property
    def secure_url(self) -> str:
        """The address for LDAPS."""
        return f"ldaps://localhost:{self.secure_port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._server.pid

    @property
    def authority(self) -> str:
        """The authority to trust, as PEM."""
        return self.tls.authority.read_text() if self.tls else ""

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        urls = f"ldap://127.0.0.1:{self.port}/"
        if self.tls:
            urls += f" ldaps://127.0.0.1:{self.secure_port}/"
        command = [_program("slapd"), "-f", self.folder / "slapd.conf", "-h", urls, "-d", "stats"]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 10
        while not _takes_connections(self.port):
            assert self._server.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "slapd does not start"
            time.sleep(0.01)

    @property
    def log(self) -> list[str]:
        """What it did, one operation a line."""
        return (self.folder / "log").read_text(errors="replace").splitlines()

    def binds(self) -> list[str]:
        """The names of those who tried to get in, in order."""
        tries = (line.partition('BIND dn="')[2] for line in self.log if " method=" in line)
        return [one.partition('"')[0] for one in tries]

    def forget(self) -> None:
        """Begin the log anew."""
        os.truncate(self.folder / "log", 0)


def _takes_connections(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    return False


@contextmanager
def ldap_machine(
    *,
    entries: Iterable[str] | None = None,
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1"),
    valid: timedelta = timedelta(days=1),
    tls: bool = True,
    require_tls: bool = False,
) -> Iterator[Ldap]:
    """A fresh directory with `entries` (else the whole cast), and a certificate for these hosts by an authority of its own."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-ldap-"))
    try:
        certificate = Certificate.make(folder, hosts=hosts, valid=valid) if tls else None
        server = Ldap(
            folder, entries=cast() if entries is None else entries, tls=certificate, require_tls=require_tls
        )
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port at which connections neither come about nor are refused, as at a machine without power."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = list[socket.socket]()
        try:
            # The queue of those who wait to be accepted is filled; further ones are not heard.
            for _ in range(8):
                one = socket.socket()
                one.setblocking(False)
                with suppress(BlockingIOError):
                    one.connect(listener.getsockname())
                waiting.append(one)
            yield int(listener.getsockname()[1])
        finally:
            for one in waiting:
                one.close()
