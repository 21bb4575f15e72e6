"""The product's settings for its measurement: an empty view to hold everything beside, and a password hash that costs nothing.

Whoever runs the product chooses what a hash costs; what is left without it is ours. The rows that name the hash run `portal.settings`.
"""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
PASSWORD_HASHERS = ["bench.hashers.Cheap"]
