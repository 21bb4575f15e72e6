"""The settings of a server that a test runs beside itself on its own database, which is put back under the server's feet."""

from portal.settings import *  # noqa: F403
from portal.settings import PASSWORD_HASHERS as OF_THE_PRODUCT

EPOCH_POLL_SECONDS = 0  # the version row goes back, too
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *OF_THE_PRODUCT]
