"""One rate over all processes and machines, by Redis, without a request that ever waits for it.

Redis holds the bucket of each caller, and each process a copy that it counts in. Four times a second a thread hands in what was
taken and gets back what is left. So a process may let through at most what its copy held for that quarter of a second; the bucket
then stands below zero, and what was too much is waited for. While Redis is silent each process counts by itself.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings

from core.buckets import Buckets
from core.entropy import fingerprint

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
EVERY_SECONDS = 0.25
PATIENCE_SECONDS = 1.0
AT_ONCE = 500  # buckets in one call of the script, which nobody else's may interrupt

# The clock is that of Redis, so that machines whose clocks differ agree. Never below minus one minute's worth, so that a caller who
# stops is welcome again after two minutes at most; a bucket that nobody touches for as long is full, and forgotten.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local limit = tonumber(ARGV[1])
local left = {}
for i, key in ipairs(KEYS) do
  local held = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = limit
  if held[1] and held[2] then
    tokens = math.min(limit, held[1] + math.max(0, now - held[2]) * limit / 60)
  end
  tokens = math.max(-limit, tokens - ARGV[i + 1])
  redis.call('HSET', key, 'tokens', tokens, 'at', now)
  redis.call('EXPIRE', key, 120)
  left[i] = tostring(tokens)
end
return left
"""


class Sharing:
    """Shares some buckets from a thread that each process starts at its first call."""

    def __init__(self, *shared: Buckets) -> None:
        self._shared = shared
        self._lock = threading.Lock()
        self._pid = 0

    def begin(self) -> None:
        """Share from now on where there is a Redis; returns at once."""
        if settings.REDIS_URL and self._pid != os.getpid():
            self._start()

    def share(self, client: "Redis") -> None:
        """Hand in what was taken, and take over what is left; what cannot be handed in is not handed in later."""
        script = client.register_script(_SHARE)
        for buckets in self._shared:
            taken = list(buckets.taken().items())
            for start in range(0, len(taken), AT_ONCE):
                part = taken[start : start + AT_ONCE]
                left: Sequence[bytes] = script(
                    keys=[_name(buckets, key) for key, _count in part],
                    args=[buckets.limit, *(count for _key, count in part)],
                )
                now = time.monotonic()
                for (key, _count), tokens in zip(part, left, strict=True):
                    buckets.correct(key, float(tokens), now=now)

    def _start(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="rates", daemon=True).start()

    def _run(self) -> None:
        client, failing = connect(settings.REDIS_URL), False
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                self.share(client)
                failing = False
            except Exception as error:  # whatever Redis may answer; the thread outlives it
                if not failing:
                    logger.warning(
                        "Redis is away; each process counts calls by itself: %s", type(error).__name__
                    )
                failing = True


def connect(url: str) -> "Redis":
    """A client that gives up soon: the next try comes by itself."""
    # Only here: it is slow to load, and the first request need not wait for it.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(
        url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
    )


def _name(buckets: Buckets, key: str) -> str:
    # Redis learns nobody's address, and two installations in one Redis do not meet.
    return f"gatehouse:rate:{buckets.name}:{fingerprint(key, purpose='rate')}"
