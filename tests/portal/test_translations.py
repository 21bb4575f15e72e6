"""The German texts: whole, up to date, and read by the product."""

import shutil
from pathlib import Path

import polib
import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext, ngettext

from portal import translations
from tests.services import needed
from tests.services.product import ROOT

PACKAGES = (
    "core",
    "audit",
    "configserver",
    "delivery",
    "tenants",
    "accounts",
    "cobrowse",
    "twofactor",
    "login",
    "portal",
    "templates",
    "locale",
)


@pytest.mark.parametrize("catalogue", translations.catalogues(), ids=lambda path: path.parts[-3])
def test_every_text_is_translated_with_its_placeholders(catalogue: Path) -> None:
    assert translations.faults(catalogue) == []


def test_what_is_wrong_with_a_catalogue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    entries = polib.POFile()
    entries.append(polib.POEntry(msgid="Sign in", msgstr=""))
    entries.append(polib.POEntry(msgid="Sign out", msgstr="Abmelden", flags=["fuzzy"]))
    entries.append(polib.POEntry(msgid="To %(to)s", msgstr="An %(an)s"))
    entries.append(
        polib.POEntry(msgid="%(n)s try", msgid_plural="%(n)s tries", msgstr_plural={0: "%(n)s Mal", 1: ""})
    )
    entries.append(polib.POEntry(msgid="Gone", msgstr="Weg", obsolete=True))
    entries.save(str(path))
    assert translations.faults(path) == [
        "not translated: Sign in",
        "only guessed: Sign out",
        "other placeholders: To %(to)s",
        "not translated: %(n)s try",
        "no longer used: Gone",
    ]


def test_no_text_of_the_code_is_missing_in_a_catalogue(
    tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed("xgettext", package="gettext")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    settings.LOCALE_PATHS = [tmp_path / "locale"]
    monkeypatch.chdir(tmp_path)
    call_command("makemessages", verbosity=0)
    for catalogue in translations.catalogues():
        fresh = tmp_path / catalogue.relative_to(ROOT)
        assert translations.faults(fresh) == [], "run `manage.py makemessages` and translate what is new"


def test_the_product_speaks_german() -> None:
    with translation.override("de"):
        assert gettext("Sign in") == "Anmelden"
        assert ngettext("%(n)s try left", "%(n)s tries left", 2) == "Noch %(n)s Versuche"


def test_catalogues_are_made_anew_only_when_they_change(tmp_path: Path) -> None:
    translations.compile_into(tmp_path)
    made = tmp_path / "de" / "LC_MESSAGES" / "django.mo"
    before = made.stat().st_mtime_ns
    translations.compile_into(tmp_path)
    assert made.stat().st_mtime_ns == before
    (tmp_path / "stamp").write_text("of other ones")
    translations.compile_into(tmp_path)
    assert made.stat().st_mtime_ns > before
