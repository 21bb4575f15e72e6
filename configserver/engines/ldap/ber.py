"""Pure: where a message of LDAP ends, and whether it is one that may be decoded."""

LONGEST_NUMBER = 8  # bytes; no number of LDAP has more than four
_INTEGER, _ENUMERATED, _SEQUENCE, _SET = 2, 10, 16, 17
_CONTROLS, _REFERRAL = 0, 3  # the tags of a context in which ldap3 reads elements


def message_size(data: bytes) -> int | None:
    """The length of the message that begins here; None where too little of it has come. Raises ValueError if it is none."""
    if data[:1] not in {b"", b"\x30"}:
        raise ValueError("no message of LDAP")
    if len(data) < 2 or len(data) < (end := _content(data, 0)[0]):
        return None
    return end + _content(data, 0)[1]


def refuse_costly(message: bytes) -> None:
    """Raise ValueError for numbers of many bytes: ldap3 reads them one byte after the other, each time over the whole number,
    which takes minutes for half a megabyte. Elements are looked at as ldap3 does, whatever they claim to be made of.
    """
    at, end = 0, len(message)
    while at + 2 <= end:
        tag = message[at]
        begin, size = _content(message, at)
        kind = tag & 0x1F
        if tag < 0x40:  # universal
            if kind in {_INTEGER, _ENUMERATED} and size > LONGEST_NUMBER:
                raise ValueError("a number of too many bytes")
            descends = kind in {_SEQUENCE, _SET}
        else:
            descends = tag < 0x80 or kind in {_CONTROLS, _REFERRAL}
        at = begin if descends else begin + size


def _content(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of this element begins, and its length."""
    first = data[at + 1]
    if first < 0x80:
        return at + 2, first
    begin = at + 2 + first - 0x80
    return begin, int.from_bytes(data[at + 2 : begin])
