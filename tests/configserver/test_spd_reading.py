"""What is read from a role package, and everything that is refused, with its line."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import configserver
from configserver.spd import Fault, Malformed, Package, PermissionSpec, PrivilegeSpec, RoleSpec, parse
from configserver.spd.values import MOST_PERMISSIONS, MOST_PRIVILEGES, MOST_ROLES
from tenants.models import Kind
from tenants.rights import APPLICATION, PRIVILEGES

SAMPLE = Path(configserver.__file__).parent / "data" / "IA_SPD_Roles.xml"
HEAD = "<name>Roles</name>\n<version>1.0</version>\n<deploymentkey>roles</deploymentkey>\n"
AGENT = '<cfg:role name="Agent"/>'


def frame(
    inside: str, *, version: str = "2.0.0", host: str = "genesys.com", cfg_host: str = "genesys.com"
) -> str:
    """A file of one line before `inside`."""
    return (
        f'<solutionDefinition version="{version}" xmlns="http://{host}/gax/asd" xmlns:os="http://{host}/gax/asd/os"'
        f' xmlns:cfg="http://{cfg_host}/gax/asd/cfg" xmlns:fileio="http://{host}/gax/asd/fileio"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"{inside}</solutionDefinition>"
    )


def install(roles: str, *, head: str = HEAD) -> str:
    """A whole file whose profile stands in line 5, when the head has its three lines."""
    return frame(f'{head}<profile name="install"><execution>{roles}</execution></profile>\n')


def read(text: str) -> Package:
    found = parse(text.encode())
    assert isinstance(found, Package), found
    return found


def refused(text: str) -> Malformed:
    found = parse(text.encode())
    assert isinstance(found, Malformed), found
    return found


def role(text: str) -> RoleSpec:
    (only,) = read(install(text)).roles
    return only


def test_a_package_has_its_frame_and_its_roles() -> None:
    package = read(
        frame(
            "<name> Roles </name><version>1.0</version><description>What\n  people do</description>"
            "<summary>Adds\n  roles.</summary><deploymentkey>${TENANT}</deploymentkey>"
            '<profile name="install"><dialog/><execution>'
            '<cfg:role name="Agent" rank="20" description="Talks.">'
            '<cfg:privilege application="Gatehouse" name="Users - View"/>'
            '<cfg:permission kind="user" reach="own"/><cfg:permission kind="*" reach="one" tenant="101"/>'
            "</cfg:role></execution></profile>"
        )
    )
    assert package == Package(
        name="Roles",
        version="1.0",
        description="What people do",
        summary="Adds roles.",
        deploymentkey="${TENANT}",
        roles=(
            RoleSpec(
                name="Agent",
                rank=20,
                description="Talks.",
                privileges=(PrivilegeSpec(application="Gatehouse", name="Users - View"),),
                permissions=(
                    PermissionSpec(kind="user", reach="own"),
                    PermissionSpec(kind="*", reach="one", tenant=101),
                ),
            ),
        ),
    )


@pytest.mark.parametrize("host", ["genesys.com", "genesyslab.com"])
@pytest.mark.parametrize("cfg_host", ["genesys.com", "genesyslab.com"])
def test_the_namespaces_of_both_hosts_are_read(host: str, cfg_host: str) -> None:
    inside = f'{HEAD}<profile name="install"><execution>{AGENT}</execution></profile>'
    assert read(frame(inside, host=host, cfg_host=cfg_host)).roles == (RoleSpec(name="Agent"),)


def test_prefixes_are_only_names_for_namespaces() -> None:
    text = (
        '<a:solutionDefinition version="2.0.0" xmlns:a="http://genesys.com/gax/asd"><a:name>Roles</a:name>'
        "<a:version>1</a:version><a:deploymentkey>k</a:deploymentkey>"
        '<a:profile name="install"><a:execution><role xmlns="http://genesys.com/gax/asd/cfg" name="Agent"/>'
        "</a:execution></a:profile></a:solutionDefinition>"
    )
    assert read(text).roles == (RoleSpec(name="Agent"),)


@pytest.mark.parametrize("version", ["2.0.0", "2.0", "2.1.7"])
def test_every_schema_of_the_second_major_version_is_read(version: str) -> None:
    inside = f'{HEAD}<profile name="install"><execution>{AGENT}</execution></profile>'
    assert read(frame(inside, version=version)).roles


def test_a_byte_order_mark_and_the_declaration_of_utf8_change_nothing() -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + install('<cfg:role name="Träger"/>')
    assert parse(text.encode("utf-8-sig")) == read(text)
    assert read(text).roles[0].name == "Träger"


def test_a_role_that_says_no_rank_has_ten() -> None:
    assert role(AGENT) == RoleSpec(name="Agent", rank=10)


@pytest.mark.parametrize("rank", [0, 100])
def test_ranks_go_from_nought_to_a_hundred(rank: int) -> None:
    assert role(f'<cfg:role name="Agent" rank="{rank}"/>').rank == rank


def test_spaces_around_names_do_not_count_and_composed_letters_are_one_way() -> None:
    assert role('<cfg:role name=" Agente\u0301 "/>').name == "Agent\u00e9"


def test_the_roles_of_every_profile_that_installs_are_read() -> None:
    one = '<profile name="install"><execution><cfg:role name="{}"/></execution></profile>'
    package = read(frame(HEAD + one.format("Agent") + one.format("Analyst")))
    assert [one.name for one in package.roles] == ["Agent", "Analyst"]


def test_the_same_privilege_in_two_roles_is_no_repetition() -> None:
    one = '<cfg:role name="{}"><cfg:privilege application="G" name="p"/></cfg:role>'
    assert len(read(install(one.format("Agent") + one.format("Analyst"))).roles) == 2


def test_comments_and_instructions_say_nothing() -> None:
    assert role(f"<!-- <!DOCTYPE x> --><?print all?>{AGENT}") == RoleSpec(name="Agent")


def test_attributes_of_the_schema_instance_are_no_attributes_of_ours() -> None:
    assert role('<cfg:role name="Agent" xsi:type="x"/>') == RoleSpec(name="Agent")


@pytest.mark.parametrize(
    ("inside", "count"),
    [
        (AGENT, 0),
        (f'<os:exec command="x"/>{AGENT}', 1),
        (f"<os:exec><os:argument>x</os:argument><os:argument/></os:exec>{AGENT}", 1),
        (f"<fileio:copy/><log>done</log>{AGENT}<os:exec/>", 3),
    ],
)
def test_steps_that_are_not_carried_out_are_counted(inside: str, count: int) -> None:
    assert read(install(inside)).passed_over == count


def test_what_a_dialog_asks_is_counted_and_not_asked() -> None:
    dialog = '<dialog>Please<input name="a"><os:x/></input><cfg:choose-tenant><cfg:role/></cfg:choose-tenant></dialog>'
    text = frame(f'{HEAD}<profile name="install">{dialog}<execution>{AGENT}</execution></profile>')
    assert read(text).passed_over == 2


def test_a_profile_that_does_not_install_counts_once_and_brings_no_role() -> None:
    other = '<profile name="uninstall"><dialog/><execution><cfg:role name="Gone"/></execution></profile>'
    package = read(
        frame(f'{HEAD}{other}<profile name="install"><execution>{AGENT}</execution></profile><other/>')
    )
    assert (package.roles, package.passed_over) == ((RoleSpec(name="Agent"),), 2)


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
    assert len(role(f'<cfg:role name="a">{one.format(101)}{one.format(102)}</cfg:role>').permissions) == 2
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
    assert read(install(make(most)))
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


def test_a_nul_is_refused_with_its_line() -> None:
    assert refused(install("\n\n\0")) == Malformed(code=Fault.NUL, line=7)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2_500), st.integers(0, 60))
def test_no_bytes_make_it_raise(noise: bytes, at: int, gone: int) -> None:
    sample = SAMPLE.read_bytes()
    for data in (noise, sample[:at] + noise + sample[at + gone :], sample[:at] + sample[at + gone :]):
        assert isinstance(parse(data), Package | Malformed)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="<&\"'", exclude_categories=["Cs"]), max_size=300))
def test_a_refusal_repeats_little_of_the_file_and_nothing_that_cannot_be_seen(noise: str) -> None:
    found = refused(install(f'<cfg:role name="a" rank="{noise}x"/>'))
    assert len(found.detail) <= 120
    assert found.detail.isprintable()


def test_the_sample_is_read_whole() -> None:
    package = read(SAMPLE.read_text("utf-8"))
    assert (package.name, package.version, package.passed_over) == ("IA Roles", "1.0.0", 0)
    by_name = {one.name: one for one in package.roles}
    assert list(by_name) == [
        "Company Administrator",
        "Application Designer",
        "Reporting Analyst",
        "Contact Centre Agent",
    ]
    assert by_name["Contact Centre Agent"].privileges == (
        PrivilegeSpec(application="Workspace", name="Agent - Can Monitor Co-browse"),
    )


def test_the_sample_names_only_privileges_and_kinds_that_there_are() -> None:
    for one in read(SAMPLE.read_text("utf-8")).roles:
        ours = {granted.name for granted in one.privileges if granted.application == APPLICATION}
        assert ours <= PRIVILEGES.keys()
        assert {permitted.kind for permitted in one.permissions} <= set(Kind.values)


def test_the_page_about_the_format_shows_a_file_that_is_read_and_names_every_reason() -> None:
    page = (Path(configserver.__file__).parents[1] / "docs" / "role-packages.md").read_text("utf-8")
    shown = page.split("```xml\n")[1].split("```")[0]
    assert [one.name for one in read(shown).roles] == ["Agent"]
    of_files = {fault.value for fault in Fault} - {Fault.SNAPSHOT, Fault.SNAPSHOT_VERSION}
    reasons = page.split("## Why a file is refused")[1]
    assert set(re.findall(r"`([a-z_0-9]+)`", reasons)) == of_files
    kinds = page.split("`kind` of object (")[1].split(")")[0]
    assert set(re.findall(r"`([^`]+)`", kinds)) == set(Kind.values)
