"""What text may hold that goes where a line break would do harm: mail headers, settings. Pure."""

import unicodedata

# Control characters, line and paragraph separators, and halves of surrogate pairs, which no database stores.
_NOT_IN_A_LINE = frozenset({"Cc", "Zl", "Zp", "Cs"})


def is_one_line(text: str) -> bool:
    """Whether `text` is one line of characters that can be stored and sent."""
    return _NOT_IN_A_LINE.isdisjoint(map(unicodedata.category, text))
