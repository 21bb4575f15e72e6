"""What the product imports is what requirements.txt installs, although the tests have more at hand."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# In a process of its own: everything that a part of `serve` loads, with whatever else is installed out of reach.
LOADING = """
import importlib, importlib.abc, importlib.metadata, pkgutil, sys

listed = set(sys.argv[1].split(","))

def norm(name):
    return name.lower().replace("_", "-").replace(".", "-")

owners = importlib.metadata.packages_distributions()

class OutOfReach(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        owner = owners.get(name.partition(".")[0])
        if owner and not {norm(one) for one in owner} & listed:
            raise ModuleNotFoundError(f"No module named {name!r} in requirements.txt", name=name)
        return None

sys.meta_path.insert(0, OutOfReach())
import django
django.setup()
for app in ("core", "audit", "delivery", "tenants", "accounts", "twofactor", "login", "portal"):
    for module in pkgutil.walk_packages(importlib.import_module(app).__path__, f"{app}."):
        importlib.import_module(module.name)
import celery.apps.worker, celery.beat, celery.concurrency.prefork, granian.server, kombu.transport.redis
"""


def test_nothing_is_imported_that_is_not_required() -> None:
    listed = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert len(listed) > 20
    names = ",".join(name.lower().replace("_", "-").replace(".", "-") for name in listed)
    run = subprocess.run(
        [sys.executable, "-c", LOADING, names],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2_000:]
