"""Rows of the ground floor: counters behind limits, the version row, root keys, answers kept for idempotency keys, signs of life."""

from typing import ClassVar

from django.db import models

from core.sealed import NOTHING, SealedField


class Tally(models.Model):
    """How often one named limit was taken by one key; written by `core.throttle` alone, in one statement."""

    key = models.CharField(max_length=160, primary_key=True)
    count = models.IntegerField()
    tries = models.IntegerField()
    window = models.FloatField(help_text="Seconds in which tries are counted together.")
    pause = models.FloatField(help_text="Seconds of refusal once the tries are used up.")
    window_ends = models.FloatField(db_index=True)
    blocked_until = models.FloatField(default=0)


class Epoch(models.Model):
    """The one version row behind every in-process cache; see `core.epoch`."""

    version = models.BigIntegerField(default=1)


class RootKey(models.Model):
    """That a root key belongs to this database: an HMAC of a constant under it; see `audit.rootkeys`."""

    key_id = models.CharField(max_length=32, primary_key=True)
    proof = models.CharField(max_length=64)


class IdempotentAnswer(models.Model):
    """The answer that a request with an Idempotency-Key got, sealed, so that the same request gets it again."""

    key = models.CharField(max_length=64, primary_key=True)  # fingerprint of caller, path and key
    request = models.CharField(max_length=64)  # fingerprint of the body
    status = models.IntegerField(null=True)  # null while the first request is under way
    answer = SealedField(default=NOTHING, purpose="idempotency", bound_to="key")
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at"])]


class Seen(models.Model):
    """When a part of the product that has no door of its own last did its work; see `core.seen`."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
