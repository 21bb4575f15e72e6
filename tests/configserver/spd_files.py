"""Role packages for tests, and what becomes of them."""

from pathlib import Path

import configserver
from configserver.spd import Malformed, Package, parse

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
