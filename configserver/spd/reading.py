"""Reads the file: hardened, bounded, in one walk, and strict about everything that gives a right."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, NoReturn
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.expatreader import create_parser

from configserver.spd.values import (
    DEEPEST,
    KIND,
    LAST_TENANT,
    LONGEST,
    MOST_ELEMENTS,
    MOST_PERMISSIONS,
    MOST_PRIVILEGES,
    MOST_ROLES,
    RANK,
    RANK_MAXIMUM,
    REACHES,
    Fault,
    Malformed,
    Package,
    PermissionSpec,
    PrivilegeSpec,
    RoleSpec,
)
from core.text import is_one_line

SHOWN = 120  # characters of the file that a refusal repeats
XSI = "http://www.w3.org/2001/XMLSchema-instance"
FAMILIES: Mapping[str | None, str] = {
    f"http://{host}/gax/asd{path}": family
    for host in ("genesys.com", "genesyslab.com")
    for path, family in (("", "asd"), ("/cfg", "cfg"), ("/os", "os"), ("/fileio", "fileio"))
}
REQUIRED = {"name": 120, "version": 40, "deploymentkey": 120}  # elements, and the most characters of each
PROSE = {"description": 2_000, "summary": 2_000}  # may be left out, and may run over lines
ATTRIBUTES = {"name": 120, "application": 80, "description": 300}  # and the most characters of each
_SCHEMA = re.compile(r"([0-9]{1,4})(?:\.[0-9]{1,4}){1,2}")
_ENCODING = re.compile(r"<\?xml\s[^>]*?\sencoding\s*=\s*[\"']([^\"']*)")


def parse(data: bytes) -> Package | Malformed:
    """The package in this file, or the first reason why there is none."""
    if len(data) > LONGEST:
        return Malformed(code=Fault.TOO_LARGE, limit=LONGEST)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        return Malformed(code=Fault.NOT_UTF8, line=data.count(b"\n", 0, wrong.start) + 1)
    return _at_first_sight(text) or _read(text)


def _at_first_sight(text: str) -> Malformed | None:
    if (at := text.find("\0")) >= 0:
        return Malformed(code=Fault.NUL, line=text.count("\n", 0, at) + 1)
    declared = _ENCODING.match(text)
    if declared and declared[1].lower() != "utf-8":
        return Malformed(code=Fault.ENCODING, line=1, detail=_shown(declared[1]))
    return None


def _read(text: str) -> Package | Malformed:
    parser = create_parser(namespaceHandling=True, forbid_dtd=True)
    reader = _Reader(parser.getLineNumber)
    parser.setContentHandler(reader)
    try:
        parser.feed(text)
        parser.close()
        return reader.package()
    except _Stopped as stopped:
        return stopped.malformed
    except SAXParseException as wrong:
        return Malformed(code=Fault.XML, line=wrong.getLineNumber(), detail=_shown(wrong.getMessage()))
    except DefusedXmlException:  # entities and references to other files need a DTD, whose first word ends it
        return Malformed(code=Fault.DTD, line=parser.getLineNumber())


def _shown(text: str) -> str:
    return "".join(one if one.isprintable() else "·" for one in text[:SHOWN])


class _Stopped(Exception):  # noqa: N818  (no error: raising stops the parser on the spot)
    def __init__(self, malformed: Malformed) -> None:
        super().__init__(malformed.code)
        self.malformed = malformed


class _Place(Enum):
    DOCUMENT = auto()
    PACKAGE = auto()
    TEXT = auto()
    PROFILE = auto()
    DIALOG = auto()
    EXECUTION = auto()
    ROLE = auto()
    PRIVILEGE = auto()
    PERMISSION = auto()
    STEP = auto()  # not carried out, and nothing of `cfg` may stand in it
    ASIDE = auto()  # not carried out whatever it holds: in a dialog, or a profile that does not install


_WAYS: Mapping[tuple[_Place, str, str], _Place] = {
    (_Place.DOCUMENT, "asd", "solutionDefinition"): _Place.PACKAGE,
    **{(_Place.PACKAGE, "asd", name): _Place.TEXT for name in (*REQUIRED, *PROSE)},
    (_Place.PACKAGE, "asd", "profile"): _Place.PROFILE,
    (_Place.PROFILE, "asd", "dialog"): _Place.DIALOG,
    (_Place.PROFILE, "asd", "execution"): _Place.EXECUTION,
    (_Place.EXECUTION, "cfg", "role"): _Place.ROLE,
    (_Place.ROLE, "cfg", "privilege"): _Place.PRIVILEGE,
    (_Place.ROLE, "cfg", "permission"): _Place.PERMISSION,
}
_CLOSED = frozenset({_Place.TEXT, _Place.ROLE, _Place.PRIVILEGE, _Place.PERMISSION})
_NOT_CARRIED_OUT = frozenset({_Place.DIALOG, _Place.STEP, _Place.ASIDE})
_OURS = frozenset({"role", "privilege", "permission"})


class _Role:
    """A role while its element is open."""

    def __init__(self, name: str, rank: int, description: str) -> None:
        self.name, self.rank, self.description = name, rank, description
        self.privileges: dict[PrivilegeSpec, None] = {}
        self.permissions: dict[PermissionSpec, None] = {}

    def whole(self) -> RoleSpec:
        return RoleSpec(
            name=self.name,
            rank=self.rank,
            description=self.description,
            privileges=tuple(self.privileges),
            permissions=tuple(self.permissions),
        )


class _Reader(ContentHandler):
    """What the parser calls. Keeps the way to where it is, the texts of the frame and the roles, and nothing else."""

    def __init__(self, line: Callable[[], int]) -> None:
        super().__init__()
        self._line = line
        self._places = [_Place.DOCUMENT]
        self._elements = 0
        self._passed_over = 0
        self._texts: dict[str, str] = {}
        self._text: list[str] = []
        self._roles: list[_Role] = []
        self._names: set[str] = set()

    def package(self) -> Package:
        for name in REQUIRED:
            if name not in self._texts:
                raise _Stopped(Malformed(code=Fault.MISSING, detail=name))
        if not self._roles:
            raise _Stopped(Malformed(code=Fault.NO_ROLES))
        return Package(
            name=self._texts["name"],
            version=self._texts["version"],
            description=self._texts.get("description", ""),
            summary=self._texts.get("summary", ""),
            deploymentkey=self._texts["deploymentkey"],
            roles=tuple(role.whole() for role in self._roles),
            passed_over=self._passed_over,
        )

    def startPrefixMapping(self, prefix: str | None, uri: str | None) -> None:  # noqa: N802  (SAX's name)
        # SAX hands on namespace and element in one text and splits it at white space: one within would be taken for another.
        if uri and uri.split() != [uri]:
            self._refuse(Fault.NAMESPACE, uri)

    def startElementNS(self, name: tuple[str | None, str], qname: object, attrs: Any) -> None:  # noqa: N802  (SAX's name)
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            self._refuse(Fault.TOO_MANY_ELEMENTS, limit=MOST_ELEMENTS)
        if len(self._places) > DEEPEST:
            self._refuse(Fault.TOO_DEEP, limit=DEEPEST)
        namespace, element = name
        if (family := FAMILIES.get(namespace)) is None:
            self._refuse(Fault.NAMESPACE, namespace or "")
        inside = self._places[-1]
        place = _WAYS.get((inside, family, element))
        if place is None:
            place = self._passing_over(inside, family, element)
        self._places.append(place)
        self._open(place, element, dict(attrs.items()))

    def characters(self, content: str) -> None:
        inside = self._places[-1]
        if inside is _Place.TEXT:
            self._text.append(content)
        elif inside not in _NOT_CARRIED_OUT and content.strip():
            self._refuse(Fault.UNEXPECTED_TEXT)

    def endElementNS(self, name: tuple[str | None, str], qname: object) -> None:  # noqa: N802  (SAX's name)
        if self._places.pop() is _Place.TEXT:
            self._keep(name[1], "".join(self._text))
            self._text.clear()

    def _passing_over(self, inside: _Place, family: str, element: str) -> _Place:
        if inside is _Place.DOCUMENT:
            self._refuse(Fault.NOT_A_PACKAGE, element)
        if inside is _Place.ASIDE:
            return _Place.ASIDE
        is_aside = inside is _Place.DIALOG
        # A role below a condition or without its prefix, a misspelt privilege: read over, other rights would come out than were meant.
        if inside in _CLOSED or (not is_aside and (family == "cfg" or element in _OURS)):
            self._refuse(Fault.UNEXPECTED_ELEMENT, element)
        if inside is not _Place.STEP:
            self._passed_over += 1
        return _Place.ASIDE if is_aside else _Place.STEP

    def _open(self, place: _Place, element: str, attributes: dict[tuple[str | None, str], str]) -> None:
        match place:
            case _Place.PACKAGE:
                self._check_schema(attributes.get((None, "version"), ""))
            case _Place.TEXT if element in self._texts:
                self._refuse(Fault.TWICE, element)
            case _Place.PROFILE:
                if self._said({"name": attributes.get((None, "name"), "")}, "name") != "install":
                    self._places[-1] = _Place.ASIDE
                    self._passed_over += 1
            case _Place.ROLE:
                self._open_role(self._known(attributes, "name", "rank", "description"))
            case _Place.PRIVILEGE:
                self._grant(self._known(attributes, "application", "name"))
            case _Place.PERMISSION:
                self._permit(self._known(attributes, "kind", "reach", "tenant"))
            case _:
                pass

    def _check_schema(self, version: str) -> None:
        read = _SCHEMA.fullmatch(version)
        if read is None:
            self._refuse(Fault.SCHEMA_MALFORMED, version)
        if (major := int(read[1])) != 2:
            self._refuse(Fault.SCHEMA_LATER if major > 2 else Fault.SCHEMA_EARLIER, version)

    def _keep(self, element: str, text: str) -> None:
        if element in PROSE:
            text = " ".join(text.split())
        most = REQUIRED.get(element) or PROSE[element]
        self._texts[element] = self._plain(text, element, most, required=element in REQUIRED)

    def _open_role(self, said: dict[str, str]) -> None:
        name = self._said(said, "name")
        rank = said.get("rank", str(RANK))
        if not re.fullmatch(r"[0-9]{1,3}", rank) or int(rank) > RANK_MAXIMUM:
            self._refuse(Fault.RANK, rank)
        description = self._said(said, "description", required=False)
        if name in self._names:
            self._refuse(Fault.ROLE_TWICE, name)
        if len(self._roles) == MOST_ROLES:
            self._refuse(Fault.TOO_MANY_ROLES, limit=MOST_ROLES)
        self._names.add(name)
        self._roles.append(_Role(name, int(rank), description))

    def _grant(self, said: dict[str, str]) -> None:
        granted = PrivilegeSpec(application=self._said(said, "application"), name=self._said(said, "name"))
        privileges = self._roles[-1].privileges
        if granted in privileges:
            self._refuse(Fault.PRIVILEGE_TWICE, f"{granted.application}: {granted.name}")
        if len(privileges) == MOST_PRIVILEGES:
            self._refuse(Fault.TOO_MANY_PRIVILEGES, limit=MOST_PRIVILEGES)
        privileges[granted] = None

    def _permit(self, said: dict[str, str]) -> None:
        kind, reach, tenant = said.get("kind", ""), said.get("reach", ""), said.get("tenant")
        if not KIND.fullmatch(kind):
            self._refuse(Fault.KIND, kind)
        if reach not in REACHES:
            self._refuse(Fault.REACH, reach)
        if (tenant is None) is (reach == "one"):
            self._refuse(Fault.TENANT, tenant or "")
        if tenant is not None and not (
            re.fullmatch(r"[1-9][0-9]{0,9}", tenant) and int(tenant) <= LAST_TENANT
        ):
            self._refuse(Fault.TENANT, tenant)
        permitted = PermissionSpec(kind=kind, reach=reach, tenant=None if tenant is None else int(tenant))
        permissions = self._roles[-1].permissions
        if permitted in permissions:
            self._refuse(Fault.PERMISSION_TWICE, f"{kind} {reach}")
        if len(permissions) == MOST_PERMISSIONS:
            self._refuse(Fault.TOO_MANY_PERMISSIONS, limit=MOST_PERMISSIONS)
        permissions[permitted] = None

    def _known(self, attributes: dict[tuple[str | None, str], str], *names: str) -> dict[str, str]:
        # A misspelt “rank” would quietly be 10.
        said = {}
        for (namespace, name), value in attributes.items():
            if namespace == XSI:
                continue
            if namespace is not None or name not in names:
                self._refuse(Fault.UNKNOWN_ATTRIBUTE, name)
            said[name] = value
        return said

    def _said(self, said: dict[str, str], name: str, *, required: bool = True) -> str:
        return self._plain(said.get(name, ""), name, ATTRIBUTES[name], required=required)

    def _plain(self, text: str, named: str, most: int, *, required: bool) -> str:
        text = text.strip()
        if len(text) <= most:  # of a million combining characters, the composed form takes hours
            text = unicodedata.normalize("NFC", text)
        if required and not text:
            self._refuse(Fault.MISSING, named)
        if len(text) > most:
            self._refuse(Fault.TOO_LONG, named, limit=most)
        # Whoever gives a role cannot see what has no width or changes the direction: two roles must not differ in it alone.
        if not is_one_line(text) or any(unicodedata.category(one) == "Cf" for one in text):
            self._refuse(Fault.NOT_PLAIN, named)
        return text

    def _refuse(self, code: Fault, detail: str = "", *, limit: int | None = None) -> NoReturn:
        raise _Stopped(Malformed(code=code, line=self._line(), detail=_shown(detail), limit=limit))
