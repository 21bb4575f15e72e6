"""`manage.py serve`: the whole product on one machine: pages and API, the worker, the clock; or some of these on each of several."""

import gc
import logging
import os
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from core import logs, metrics
from portal import prepare, web
from portal.alone import alone
from portal.commandline import told
from portal.health import stop_sign
from portal.management.commands import demo
from portal.supervisor import Errand, Service, Supervisor

logger = logging.getLogger(__name__)
PARTS = ("web", "worker", "clock")
NEEDED = {  # what each part will need, beside the application itself
    "web": ("granian.server",),
    "worker": ("celery.apps.worker", "delivery.tasks", "portal.tasks"),
    "clock": ("celery.beat",),
}


class Command(BaseCommand):
    """Prepares what is missing, then runs every service until Ctrl-C."""

    help = "Run the whole product: pages and API, worker, clock. Migrates first, and loads the demo data on the first start."
    requires_system_checks: list[str] = []  # prepare runs them, once

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, in how many web processes, and which parts to run."""
        parser.add_argument(
            "--bind", default="127.0.0.1", help="Address to listen on (default: this machine only)."
        )
        parser.add_argument(
            "--workers", type=int, help="Web processes (default: 1 on SQLite, else one for each core)."
        )
        parser.add_argument(
            "--only",
            action="append",
            choices=PARTS,
            help="Run this part alone, where several machines share the work; may be repeated (default: all).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        logs.take_over()
        logs.in_service("serve")
        bind, port = options["bind"], settings.HTTP_PORT
        workers = options["workers"] or (1 if connection.vendor == "sqlite" else os.cpu_count() or 1)
        wanted = [part for part in PARTS if part in (options["only"] or PARTS)]
        os.umask(0o077)  # the database and the mails are for the owner of the process alone
        refusal = CommandError(f"Another `serve` runs on {settings.DATA_DIR}. Stop it, or set DATA_DIR.")
        # Children inherit the lock, so what is left of a killed `serve` is waited for.
        with alone(refusal=refusal, patience=5):
            if "web" in wanted:
                web.refuse_taken_port(bind, port)
            preparation = Errand.begin(partial(_prepare, pages="web" in wanted))
            _load(wanted)
            if not preparation.succeeded():
                raise CommandError("Nothing was started; the reason stands above.")
            stop_sign().unlink(missing_ok=True)
            metrics.forget_the_dead()
            supervisor = Supervisor(before_stop=_say_that_it_stops)
            if "web" in wanted:
                pages = Service(name="web", run=partial(web.serve, bind, port, workers))
                ready = partial(web.answers, bind, port)
                if not supervisor.start_first(pages, ready=ready, seconds=web.READY_SECONDS):
                    supervisor.stop()
                    raise CommandError("The pages could not be served; the reason stands above.")
            self._announce(wanted)
            for service in (Service(name="worker", run=_worker), Service(name="clock", run=_clock)):
                if service.name in wanted:
                    supervisor.start(service)
            supervisor.run()
            self._say("Stopped.")

    def _say(self, text: str) -> None:
        """To whoever sits before it; where the log is for programs, one line of it."""
        if settings.LOG_FORMAT == "json":
            logger.info(text)
            return
        self.stdout.write(text)
        self.stdout.flush()

    def _announce(self, parts: Sequence[str]) -> None:
        if settings.LOG_FORMAT == "json":
            self._say(f"{', '.join(parts)} of {settings.PUBLIC_URL}/. Ctrl-C stops everything.")
            return
        lines = [f"Gatehouse is at {settings.PUBLIC_URL}/"]
        if parts != list(PARTS):
            lines.append(f"  runs here  {', '.join(parts)}")
        if "web" in parts:
            lines.append(f"  admin      {settings.PUBLIC_URL}/admin/")
            lines.append(f"  REST API   {settings.PUBLIC_URL}/api/docs/")
        if settings.DEMO:
            if not settings.EMAIL_URL:
                lines.append(f"  its mails  {settings.PUBLIC_URL}/outbox/")
            lines.append(f"  people     {', '.join(person[0] for person in demo.PEOPLE)}")
            lines.append(f"  password   in {prepare.demo_password_file()}")
        lines.append("Ctrl-C stops everything.")
        self._say("\n".join(lines))


def _prepare(*, pages: bool) -> None:
    with told():
        prepare.everything(pages=pages)


def _load(parts: Sequence[str]) -> None:
    """Load what the services will need before they part, so that they share its memory."""
    from django.urls import get_resolver

    for module in ("portal.celery", *(module for part in parts for module in NEEDED[part])):
        import_module(module)
    get_resolver().url_patterns  # noqa: B018  (loads every view)
    gc.collect()
    gc.freeze()  # the collector's marks would copy the shared pages into every process


def _say_that_it_stops() -> float:
    """Let `/readyz` say so, for as long as a balancer in front needs to hear it."""
    stop_sign().touch()
    return settings.STOP_GRACE_SECONDS


def _worker() -> None:
    from celery.platforms import SecurityWarning
    from celery.signals import worker_ready

    from portal import hearing
    from portal.celery import app

    web.name_process("worker")
    # When it begins to listen. Its children are forked before and after that, and use nothing that this thread may hold.
    worker_ready.connect(lambda **_signal: hearing.watch(app), weak=False)
    # It warns root of pickled messages, which this queue refuses.
    warnings.simplefilter("ignore", SecurityWarning)
    _quiet("celery", "kombu")
    app.Worker(
        pool_cls="prefork",
        concurrency=2,
        loglevel="WARNING",
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    ).start()


def _clock() -> None:
    from celery import beat

    from portal.celery import app
    from portal.clock import Clock

    web.name_process("clock")
    _quiet("celery", "kombu")
    beat.Service(app, scheduler_cls=Clock).start()


def _quiet(*names: str) -> None:
    for name in names:
        logging.getLogger(name).setLevel(logging.WARNING)
