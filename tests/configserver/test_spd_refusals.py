"""Every reason why a role package is refused, with its line."""

from collections.abc import Callable

import pytest

from configserver.spd import Fault, Malformed, parse
from configserver.spd.values import MOST_PERMISSIONS, MOST_PRIVILEGES, MOST_ROLES
from tests.configserver.spd_files import AGENT, HEAD, frame, install, read, refused


@pytest.mark.parametrize(
    ("text", "code", "line", "detail"),
    [
        # The frame
        ("", Fault.XML, 1, "no element found"),
        ("roles", Fault.XML, 1, "syntax error"),
        (frame(HEAD)[:-3], Fault.XML, 5, "unclosed token"),
        (install(f"\n{AGENT}</cfg:role>"), Fault.XML, 6, "mismatched tag"),
        (install(AGENT) + "<more/>", Fault.XML, 6, "junk after document element"),
        (install("&unknown;"), Fault.XML, 5, "undefined entity"),
        (install('<cfg:role name="a" name="b"/>'), Fault.XML, 5, "duplicate attribute"),
        (install('<cfg:role name="&#1;"/>'), Fault.XML, 5, "reference to invalid character number"),
        (install('<role xmlns="http://genesys.com/gax/asd cfg"/>'), Fault.XML, 5, "syntax error"),
        ("<solutionDefinition/>", Fault.NAMESPACE, 1, ""),
        ('<a xmlns="http://example.com/gax/asd"/>', Fault.NAMESPACE, 1, "http://example.com/gax/asd"),
        ('<a xmlns="https://genesys.com/gax/asd"/>', Fault.NAMESPACE, 1, "https://genesys.com/gax/asd"),
        (frame("", cfg_host="example.com"), Fault.MISSING, None, "name"),
        (
            frame(
                f'<profile name="install"><execution>\n{AGENT}</execution></profile>', cfg_host="evil.example"
            ),
            Fault.NAMESPACE,
            3,
            "http://evil.example/gax/asd/cfg",
        ),
        (
            '<a xmlns="http://genesys.com/gax/asd&#9;solutionDefinition"/>',
            Fault.NAMESPACE,
            1,
            "http://genesys.com/gax/asd·solutionDefinition",
        ),
        ('<a xmlns="http://genesys.com/gax/asd"/>', Fault.NOT_A_PACKAGE, 1, "a"),
        (f'<role xmlns="http://genesys.com/gax/asd/cfg">{AGENT}</role>', Fault.NOT_A_PACKAGE, 1, "role"),
        ('<solutionDefinition xmlns="http://genesys.com/gax/asd"/>', Fault.SCHEMA_MALFORMED, 1, ""),
        (frame(HEAD, version="2"), Fault.SCHEMA_MALFORMED, 1, "2"),
        (frame(HEAD, version="two"), Fault.SCHEMA_MALFORMED, 1, "two"),
        (frame(HEAD, version=" 2.0.0"), Fault.SCHEMA_MALFORMED, 1, " 2.0.0"),
        (frame(HEAD, version="2.0.0.0"), Fault.SCHEMA_MALFORMED, 1, "2.0.0.0"),
        (frame(HEAD, version="٢.0"), Fault.SCHEMA_MALFORMED, 1, "٢.0"),
        (frame(HEAD, version="1.9.9"), Fault.SCHEMA_EARLIER, 1, "1.9.9"),
        (frame(HEAD, version="3.0.0"), Fault.SCHEMA_LATER, 1, "3.0.0"),
        (frame(HEAD, version="20.0"), Fault.SCHEMA_LATER, 1, "20.0"),
        (frame("<name>a</name>\n<name>a</name>"), Fault.TWICE, 3, "name"),
        (frame(f"{HEAD}<deploymentkey>other</deploymentkey>"), Fault.TWICE, 5, "deploymentkey"),
        (install(AGENT, head=HEAD.replace("<name>Roles</name>", "")), Fault.MISSING, None, "name"),
        (install(AGENT, head=HEAD.replace("<name>Roles", "<name> \n ")), Fault.MISSING, 3, "name"),
        (install(AGENT, head=HEAD.replace("<version>1.0</version>", "")), Fault.MISSING, None, "version"),
        (install(AGENT, head=HEAD.replace("<version>1.0", "<version>")), Fault.MISSING, 3, "version"),
        (
            install(AGENT, head=HEAD.replace("<deploymentkey>roles</deploymentkey>", "")),
            Fault.MISSING,
            None,
            "deploymentkey",
        ),
        (frame("<name>a<b/></name>"), Fault.UNEXPECTED_ELEMENT, 2, "b"),
        (frame("<name>a\nb</name>"), Fault.NOT_PLAIN, 3, "name"),
        (frame(f"<version>{'1' * 41}</version>"), Fault.TOO_LONG, 2, "version"),
        (frame(f"<summary>{'x' * 2001}</summary>"), Fault.TOO_LONG, 2, "summary"),
        (frame(f"{HEAD}\n\nRoles:\n<profile/>"), Fault.UNEXPECTED_TEXT, 7, ""),
        (frame(f"{HEAD}<profile/>"), Fault.MISSING, 5, "name"),
        (frame(HEAD), Fault.NO_ROLES, None, ""),
        (install(""), Fault.NO_ROLES, None, ""),
        (install("<os:exec/>"), Fault.NO_ROLES, None, ""),
        # What would change rights, and stands where it is not read
        (
            install(f'\n<cfg:create-object type="CfgRole"/>{AGENT}'),
            Fault.UNEXPECTED_ELEMENT,
            6,
            "create-object",
        ),
        (install(f"\n<cfg:Role/>{AGENT}"), Fault.UNEXPECTED_ELEMENT, 6, "Role"),
        (install(f'\n<role name="x"/>{AGENT}'), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (install(f'<if condition="x">\n{AGENT}</if>'), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (install(f"<os:exec><os:x>\n{AGENT}</os:x></os:exec>"), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (frame(f"{HEAD}{AGENT}"), Fault.UNEXPECTED_ELEMENT, 5, "role"),
        (frame(f'{HEAD}<profile name="install">\n{AGENT}</profile>'), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (frame(f"{HEAD}<profil>\n{AGENT}</profil>"), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (
            install('<cfg:role name="a">\n<cfg:privilage application="G" name="p"/></cfg:role>'),
            Fault.UNEXPECTED_ELEMENT,
            6,
            "privilage",
        ),
        (install('<cfg:role name="a">\n<os:exec/></cfg:role>'), Fault.UNEXPECTED_ELEMENT, 6, "exec"),
        (install(f'<cfg:role name="a">\n{AGENT}</cfg:role>'), Fault.UNEXPECTED_ELEMENT, 6, "role"),
        (install('<cfg:role name="a">\nUsers - View\n</cfg:role>'), Fault.UNEXPECTED_TEXT, 6, ""),
        # Roles
        (install("\n<cfg:role/>"), Fault.MISSING, 6, "name"),
        (install('\n<cfg:role name=" "/>'), Fault.MISSING, 6, "name"),
        (install(f'\n<cfg:role name="{"x" * 121}"/>'), Fault.TOO_LONG, 6, "name"),
        (
            install(f'\n<cfg:role name="{chr(0x0958) * 61}"/>'),
            Fault.TOO_LONG,
            6,
            "name",
        ),  # two letters, composed
        (install('\n<cfg:role name="a&#10;b"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install('\n<cfg:role name="a\x85b"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install('\n<cfg:role name="a\x7fb"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install('\n<cfg:role name="a\u2028b"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install('\n<cfg:role name="Agent\u200b"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install('\n<cfg:role name="\u202etnegA"/>'), Fault.NOT_PLAIN, 6, "name"),
        (install(f'\n<cfg:role name="a" description="{"x" * 301}"/>'), Fault.TOO_LONG, 6, "description"),
        (install('\n<cfg:role name="a" description="b&#9;c"/>'), Fault.NOT_PLAIN, 6, "description"),
        (install('\n<cfg:role name="a" rank=""/>'), Fault.RANK, 6, ""),
        (install('\n<cfg:role name="a" rank="101"/>'), Fault.RANK, 6, "101"),
        (install('\n<cfg:role name="a" rank="-1"/>'), Fault.RANK, 6, "-1"),
        (install('\n<cfg:role name="a" rank="1.5"/>'), Fault.RANK, 6, "1.5"),
        (install('\n<cfg:role name="a" rank="٩"/>'), Fault.RANK, 6, "٩"),
        (install('\n<cfg:role name="a" rank="high&#10;est"/>'), Fault.RANK, 6, "high·est"),
        (install('\n<cfg:role name="a" rnak="90"/>'), Fault.UNKNOWN_ATTRIBUTE, 6, "rnak"),
        (install('\n<cfg:role name="a" cfg:rank="90"/>'), Fault.UNKNOWN_ATTRIBUTE, 6, "rank"),
        (install(f'{AGENT}\n<cfg:role name="Agent "/>'), Fault.ROLE_TWICE, 6, "Agent"),
        (
            frame(HEAD + f'<profile name="install"><execution>{AGENT}</execution></profile>\n' * 2),
            Fault.ROLE_TWICE,
            6,
            "Agent",
        ),
    ],
)
def test_a_file_is_refused_with_its_reason_and_line(
    text: str, code: Fault, line: int | None, detail: str
) -> None:
    found = refused(text)
    assert (found.code, found.line, found.detail) == (code, line, detail)


@pytest.mark.parametrize(
    ("inside", "code", "detail"),
    [
        ('<cfg:privilege name="p"/>', Fault.MISSING, "application"),
        ('<cfg:privilege application="G"/>', Fault.MISSING, "name"),
        (f'<cfg:privilege application="{"x" * 81}" name="p"/>', Fault.TOO_LONG, "application"),
        (f'<cfg:privilege application="G" name="{"x" * 121}"/>', Fault.TOO_LONG, "name"),
        ('<cfg:privilege application="G&#13;" name="p&#13;q"/>', Fault.NOT_PLAIN, "name"),
        ('<cfg:privilege application="G" name="p" rank="1"/>', Fault.UNKNOWN_ATTRIBUTE, "rank"),
        ('<cfg:privilege application="G" name="p">x</cfg:privilege>', Fault.UNEXPECTED_TEXT, ""),
        ('<cfg:privilege application="G" name="p"><os:x/></cfg:privilege>', Fault.UNEXPECTED_ELEMENT, "x"),
        ('<cfg:permission reach="own"/>', Fault.KIND, ""),
        ('<cfg:permission kind="User" reach="own"/>', Fault.KIND, "User"),
        ('<cfg:permission kind="user&#10;" reach="own"/>', Fault.KIND, "user·"),
        (f'<cfg:permission kind="{"x" * 21}" reach="own"/>', Fault.KIND, "x" * 21),
        ('<cfg:permission kind="user"/>', Fault.REACH, ""),
        ('<cfg:permission kind="user" reach="all"/>', Fault.REACH, "all"),
        ('<cfg:permission kind="user" reach="one"/>', Fault.TENANT, ""),
        ('<cfg:permission kind="user" reach="own" tenant="101"/>', Fault.TENANT, "101"),
        ('<cfg:permission kind="user" reach="every" tenant=""/>', Fault.TENANT, ""),
        ('<cfg:permission kind="user" reach="one" tenant="0"/>', Fault.TENANT, "0"),
        ('<cfg:permission kind="user" reach="one" tenant="Acme"/>', Fault.TENANT, "Acme"),
        ('<cfg:permission kind="user" reach="one" tenant="2147483648"/>', Fault.TENANT, "2147483648"),
        ('<cfg:permission kind="user" reach="own" company="1"/>', Fault.UNKNOWN_ATTRIBUTE, "company"),
    ],
)
def test_a_privilege_or_permission_that_is_not_understood_is_refused(
    inside: str, code: Fault, detail: str
) -> None:
    found = refused(install(f'<cfg:role name="Agent">\n{inside}\n</cfg:role>'))
    assert (found.code, found.line, found.detail) == (code, 6, detail)


def test_a_privilege_granted_twice_in_a_role_is_refused_with_the_line_of_the_second() -> None:
    once = '<cfg:privilege application="Gatehouse" name="Users - View"/>\n'
    again = '<cfg:privilege application=" Gatehouse" name="Users - View "/>'
    found = refused(install(f'<cfg:role name="Agent">\n{once}{again}</cfg:role>'))
    assert found == Malformed(code=Fault.PRIVILEGE_TWICE, line=7, detail="Gatehouse: Users - View")


def test_a_permission_given_twice_in_a_role_is_refused_but_not_one_for_another_tenant() -> None:
    one = '<cfg:permission kind="user" reach="one" tenant="{}"/>'
    assert (
        len(
            read(install(f'<cfg:role name="a">{one.format(101)}{one.format(102)}</cfg:role>'))
            .roles[0]
            .permissions
        )
        == 2
    )
    found = refused(install(f'<cfg:role name="a">{one.format(101)}\n{one.format(101)}</cfg:role>'))
    assert found == Malformed(code=Fault.PERMISSION_TWICE, line=6, detail="user one")


def roles(count: int) -> str:
    return "".join(f'<cfg:role name="{n}"/>' for n in range(count))


def privileges(count: int) -> str:
    granted = "".join(f'<cfg:privilege application="G" name="{n}"/>' for n in range(count))
    return f'<cfg:role name="Agent">{granted}</cfg:role>'


def permissions(count: int) -> str:
    given_ = "".join(f'<cfg:permission kind="user" reach="one" tenant="{n + 1}"/>' for n in range(count))
    return f'<cfg:role name="Agent">{given_}</cfg:role>'


@pytest.mark.parametrize(
    ("make", "most", "code"),
    [
        (roles, MOST_ROLES, Fault.TOO_MANY_ROLES),
        (privileges, MOST_PRIVILEGES, Fault.TOO_MANY_PRIVILEGES),
        (permissions, MOST_PERMISSIONS, Fault.TOO_MANY_PERMISSIONS),
    ],
)
def test_what_comes_in_numbers_has_a_most(make: Callable[[int], str], most: int, code: Fault) -> None:
    assert read(install(make(most))).roles
    found = refused(install(make(most + 1)))
    assert (found.code, found.limit) == (code, most)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_refused(encoding: str) -> None:
    found = parse(install(AGENT).encode(encoding))
    assert isinstance(found, Malformed)
    assert found.code in {Fault.NOT_UTF8, Fault.NUL}


def test_a_byte_that_is_no_utf8_is_refused_with_its_line() -> None:
    data = install(f"\n{AGENT}").encode().replace(b"Agent", b"Ag\xe9nt")
    assert parse(data) == Malformed(code=Fault.NOT_UTF8, line=6)


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf8", "UTF-7", ""])
def test_the_declaration_of_another_encoding_is_refused_whatever_the_bytes_are(
    encoding: str, quote: str
) -> None:
    text = f"<?xml version={quote}1.0{quote}\n encoding = {quote}{encoding}{quote}?>" + install(AGENT)
    assert refused(text) == Malformed(code=Fault.ENCODING, line=1, detail=encoding)


def test_a_byte_order_mark_hides_no_declaration_of_another_encoding() -> None:
    data = ('<?xml version="1.0" encoding="iso-8859-1"?>' + install(AGENT)).encode("utf-8-sig")
    assert parse(data) == Malformed(code=Fault.ENCODING, line=1, detail="iso-8859-1")


def test_a_nul_is_refused_with_its_line() -> None:
    assert refused(install("\n\n\0")) == Malformed(code=Fault.NUL, line=7)
