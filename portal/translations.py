"""The translations: what is wrong with the .po files, and the .mo files that the product reads, made from them."""

import hashlib
import re
import sys
from pathlib import Path

import polib

LOCALE = Path(__file__).resolve().parent.parent / "locale"
_PLACEHOLDER = re.compile(r"%(?:\([a-z_]+\))?[sd]|%%|`[^`]+`")


def catalogues() -> list[Path]:
    """The .po file of every language."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


def faults(path: Path) -> list[str]:
    """What is missing, unsure, or has other placeholders than the original."""
    found = []
    for entry in polib.pofile(str(path)):
        texts = list(entry.msgstr_plural.values()) or [entry.msgstr]
        if entry.obsolete:
            found.append(f"no longer used: {entry.msgid}")
        elif entry.fuzzy:
            found.append(f"only guessed: {entry.msgid}")
        elif not all(texts):
            found.append(f"not translated: {entry.msgid}")
        elif any(_placeholders(text) not in _expected(entry) for text in texts):
            found.append(f"other placeholders: {entry.msgid}")
    return found


def _expected(entry: polib.POEntry) -> list[list[str]]:
    return [_placeholders(text) for text in (entry.msgid, entry.msgid_plural) if text]


def _placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def compile_into(folder: Path) -> None:
    """Make the .mo files under this folder, unless they stand for these very .po files already."""
    stamp, found = folder / "stamp", hashlib.sha256()
    for path in catalogues():
        found.update(path.read_bytes())
    if stamp.exists() and stamp.read_text(encoding="utf-8") == found.hexdigest():
        return
    for path in catalogues():
        made = folder / path.relative_to(LOCALE).with_suffix(".mo")
        made.parent.mkdir(parents=True, exist_ok=True)
        polib.pofile(str(path)).save_as_mofile(str(made))
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(found.hexdigest(), encoding="utf-8")


def main() -> int:
    """Print what is wrong with any of them."""
    wrong = [f"{path.parts[-3]}: {fault}" for path in catalogues() for fault in faults(path)]
    print(*wrong, sep="\n")  # noqa: T201 - a command's answer
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
