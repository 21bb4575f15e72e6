"""The password hash (OWASP Password Storage: Argon2id, t=2, m=19456 KiB, p=1)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id at the OWASP minimum; more lanes only hurt on few cores."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
