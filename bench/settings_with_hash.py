"""The settings of the bench with the password hash of the product, for the rows that name it."""

from bench.settings import *  # noqa: F403

PASSWORD_HASHERS = ["accounts.hashers.Argon2id"]
