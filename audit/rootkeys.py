"""Which root keys a database belongs to: a node with others would seal what no other one opens, and break the trail.

Of each key a proof is kept: an HMAC of a constant under it, from which nobody learns the key.
"""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from audit.verify import newest_fits
from core import crypto, entropy
from core.db import unit
from core.models import RootKey

PURPOSE, TEXT = "root key", b"Gatehouse"


def refuse_others(*, vouched: bool = False) -> dict[str, str]:
    """Raise ImproperlyConfigured unless FIELD_KEYS holds the keys of this database; the proofs that are not kept yet. Writes nothing.

    Where no proof is kept, the newest event of the trail must have been sealed under a live key, unless somebody else vouches for them.
    """
    configured, kept = _configured(), _kept()
    named = ", ".join(configured)
    wrong = [one for one in configured if one in kept and not entropy.same(kept[one], configured[one])]
    if wrong:
        _refuse(f"{', '.join(wrong)} is another key there.")
    if kept and not kept.keys() & configured.keys():
        _refuse(f"that has {', '.join(sorted(kept))}, and FIELD_KEYS {named}.")
    if not kept and not vouched and not newest_fits():
        _refuse(f"the newest event of its trail was not sealed under {named}.")
    return {one: proof for one, proof in configured.items() if one not in kept}


def claim(*, vouched: bool = False) -> None:
    """The same, and keep the proofs of keys that are new: of the first ones, or of one that comes beside a known one."""
    if not refuse_others(vouched=vouched):
        return
    with unit():
        if connection.vendor == "postgresql":  # on SQLite there is one writer at a time
            with connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {RootKey._meta.db_table} IN EXCLUSIVE MODE")
        missing = refuse_others(vouched=vouched)
        RootKey.objects.bulk_create(RootKey(key_id=one, proof=proof) for one, proof in missing.items())


def forget_removed() -> None:
    """Drop the proofs of keys that are not in FIELD_KEYS any more."""
    RootKey.objects.exclude(key_id__in=crypto.live_key_ids()).delete()


def begin_anew() -> None:
    """Make those in FIELD_KEYS the keys of this database, whatever its keys were: for when they are lost."""
    with unit():
        RootKey.objects.all().delete()
        claim(vouched=True)


def _configured() -> dict[str, str]:
    proofs = (one.hex() for one in crypto.macs(TEXT, purpose=PURPOSE))
    return dict(zip(crypto.live_key_ids(), proofs, strict=True))


def _kept() -> dict[str, str]:
    if RootKey._meta.db_table not in connection.introspection.table_names():
        return {}  # of an older version, or new
    return dict(RootKey.objects.values_list("key_id", "proof"))


def _refuse(reason: str) -> None:
    raise ImproperlyConfigured(f"FIELD_KEYS does not hold the keys of this database: {reason}")
