"""The examples of the guides, run in their order against the running product: what they print has the shape that the guide shows."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs.tables import API_GUIDE, DOCS
from tests.services import needed
from tests.services.product import running_product

_BLOCKS = re.compile(r"^```(?P<language>sh|json|text)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


def _examples(guide: Path) -> list[tuple[str, Any]]:
    """Each shell block with what is shown under it: an answer, lines of text, or None."""
    found: list[tuple[str, Any]] = []
    for one in _BLOCKS.finditer(guide.read_text(encoding="utf-8")):
        if one["language"] == "sh":
            found.append((one["text"], None))
        else:
            found[-1] = (found[-1][0], json.loads(one["text"]) if one["language"] == "json" else one["text"])
    return found


def _fits(shown: Any, given: Any) -> bool:
    """Whether the answer has what the guide shows of it: objects the same names, lists things of the same shape, values the same kind."""
    if isinstance(shown, dict):
        return isinstance(given, dict) and all(
            name in given and _fits(value, given[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(given, list) and (not shown or (bool(given) and _fits(shown[0], given[0])))
    return shown is None or type(shown) is type(given)


@pytest.mark.parametrize("guide", [API_GUIDE, DOCS / "cobrowse.md"], ids=lambda guide: guide.stem)
def test_every_example_of_a_guide_works(guide: Path, tmp_path: Path) -> None:
    """Run as one shell, as a reader would; `curl` itself fails the run where it cannot connect."""
    bash = needed("bash", package="bash")
    needed("curl", package="curl")
    examples = _examples(guide)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    script = "set -euo pipefail\n" + "".join(
        f"echo '@@@ {i}'\n{text}\necho\n" for i, (text, _) in enumerate(examples)
    )
    with running_product(data) as product:
        environment = os.environ | {"BASE": product.url, "DATA": str(data)}
        ran = subprocess.run(
            [bash, "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    printed = re.split(r"^@@@ \d+\n", ran.stdout, flags=re.MULTILINE)[1:]
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr}"
    for (text, shown), given in zip(examples, printed, strict=True):
        if isinstance(shown, str):
            assert given.strip() == shown.strip(), text
        elif shown is not None:
            assert _fits(shown, json.loads(given)), f"{text}\nprinted\n{given}"
