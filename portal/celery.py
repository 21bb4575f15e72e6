"""The work behind the pages: which broker carries it, what runs when, and the limits on it.

A message is never the only copy of anything: it says "look now", and the schedule says the same a little later.
"""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import task_prerun
from django.conf import settings
from django.db import close_old_connections

from core import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def configuration(*, redis_url: str) -> dict[str, Any]:
    """How the queue works: over this Redis, or where there is none over files."""
    return _broker(redis_url) | {
        "imports": (
            "accounts.tasks",
            "cobrowse.tasks",
            "configserver.tasks",
            "delivery.tasks",
            "oidc.tasks",
            "portal.tasks",
        ),
        "beat_schedule": SCHEDULE,
        "task_default_queue": "gatehouse",
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "event_serializer": "json",
        "task_soft_time_limit": 50,
        "task_time_limit": 55,
        "task_publish_retry": False,
        "broker_connection_timeout": 2,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "worker_prefetch_multiplier": 1,
        # Celery would take a new connection to the database for every task, of which there is one every five seconds.
        "CELERY_DB_REUSE_MAX": 1_000_000_000,
        "worker_max_tasks_per_child": 2_000,
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "timezone": "UTC",
    }


def _broker(redis_url: str) -> dict[str, Any]:
    # Bounded on every side: a broker that is down or hangs may delay a message, never the one who sends it.
    bounded = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
    if redis_url:
        sockets = {"socket_connect_timeout": 1, "socket_timeout": 5, "socket_keepalive": True}
        # What a killed worker had taken is given to another one after this: longer than any task may run.
        again = {"visibility_timeout": 120}
        return {"broker_url": redis_url, "broker_transport_options": bounded | sockets | again}
    files = broker.options(settings.DATA_DIR / "broker")
    return {"broker_url": f"{broker.SCHEME}://localhost//", "broker_transport_options": bounded | files}


# What runs by the clock: name, task, when. An entry that waited longer than `expires` is dropped, the next one does its work.
SCHEDULE: dict[str, dict[str, Any]] = {
    "say that the clock runs": {"task": "portal.tick", "schedule": 15.0, "options": {"expires": 15}},
    "drain the outbox": {"task": "delivery.drain", "schedule": 5.0, "options": {"expires": 5}},
    "end what a directory has voided": {
        "task": "portal.end-voided",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "end what administrators began as other people": {
        "task": "portal.end-impersonations",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "read the keys of integrations": {
        "task": "accounts.read-keys",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "look at the directories": {
        "task": "configserver.check",
        "schedule": 60.0,
        "options": {"expires": 30},
    },
    "end co-browse sessions that lapsed": {
        "task": "cobrowse.end-lapsed",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "compare the agent tokens": {
        "task": "cobrowse.compare",
        "schedule": crontab(minute="7"),
        "options": {"expires": 1800},
    },
    "tell clients of sessions that have ended": {
        "task": "oidc.tell-clients",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "forget old deliveries": {
        "task": "delivery.prune",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 3600},
    },
    "rotate the signing keys": {
        "task": "accounts.rotate-keys",
        "schedule": crontab(minute="23"),
        "options": {"expires": 1800},
    },
    "forget what can no longer matter": {
        "task": "portal.prune",
        "schedule": crontab(minute="41"),
        "options": {"expires": 1800},
    },
}

app = Celery("gatehouse", set_as_current=True)
app.conf.update(configuration(redis_url=settings.REDIS_URL))
# What a request does: keeps the connection to the database unless it is dead or old.
task_prerun.connect(close_old_connections)
