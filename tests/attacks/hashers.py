"""A password hash that costs nothing and counts how often it is computed."""

from django.contrib.auth.hashers import MD5PasswordHasher


class Counting(MD5PasswordHasher):
    """Counts every hash, whether made or compared."""

    algorithm = "counting"
    count = 0

    def encode(self, password: str, salt: str) -> str:
        """Hash, and count it."""
        type(self).count += 1
        return str(super().encode(password, salt))
