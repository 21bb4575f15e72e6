"""`manage.py configserver`: serves the Configuration Server of this installation to portals on other machines, over HTTPS alone."""

import os
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from configserver import services, where
from configserver.models import Portal
from core import logs
from core.certificate import self_signed
from core.outcomes import Denied
from portal import prepare, web
from portal.commandline import told
from portal.supervisor import Errand, Service, Supervisor

PORT = 2020
# There are no pages and no sessions here.
FOR_PEOPLE = (
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cobrowse.cors.Cors",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.SessionMiddleware",
    "core.middleware.PageMessages",
)


class Command(BaseCommand):
    """Serves until Ctrl-C; or admits and dismisses portals."""

    help = "Serve the Configuration Server to portals on other machines, over HTTPS; or say which portals may ask it."
    requires_system_checks: list[str] = []  # prepare runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen and under which certificate; or which portal is meant."""
        parser.add_argument("--port", type=int, default=PORT, help=f"Port to listen on (default: {PORT}).")
        parser.add_argument(
            "--bind", default="127.0.0.1", help="Address to listen on (default: this machine only)."
        )
        parser.add_argument(
            "--workers", type=int, help="Web processes (default: 1 on SQLite, else one for each core)."
        )
        parser.add_argument(
            "--host",
            help="Name by which portals reach it, as its certificate says (default: that of PUBLIC_URL).",
        )
        parser.add_argument(
            "--cert",
            type=Path,
            help="Certificate chain, PEM (default: TLS_CERT_FILE, else a self-signed one).",
        )
        parser.add_argument("--key", type=Path, help="Its private key, PEM (default: TLS_KEY_FILE).")
        one = parser.add_mutually_exclusive_group()
        one.add_argument(
            "--admit", metavar="APPLICATION", help="Admit a portal, and print its settings once."
        )
        one.add_argument("--dismiss", metavar="APPLICATION", help="Answer this portal no more.")
        one.add_argument("--portals", action="store_true", help="List the portals that are admitted.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["admit"]:
            self._admit(options["admit"], options)
        elif options["dismiss"]:
            gone = services.dismiss_portal(options["dismiss"], now=timezone.now())
            if isinstance(gone, Denied):
                raise CommandError(str(gone.message))
            self.stdout.write(f"{options['dismiss']} is answered no more.")
        elif options["portals"]:
            self._list()
        else:
            self._serve(options)

    def _admit(self, application: str, options: dict[str, Any]) -> None:
        prepare.database()  # it may be the very first command
        made = services.admit_portal(application, now=timezone.now())
        if isinstance(made, Denied):
            raise CommandError(str(made.message))
        portal, password = made
        certificate, _key, is_own = _certificate(options, host=_host(options))
        self.stdout.write(
            "Enter these settings at the portal. The password is shown once, here.\n"
            f"GenesysSDK.ConfigServerLogin.PrimaryUrl       https://{_host(options)}:{options['port']}\n"
            f"GenesysSDK.ConfigServerLogin.ApplicationName  {portal.application}\n"
            f"GenesysSDK.ConfigServerLogin.Username         {portal.username}\n"
            f"GenesysSDK.ConfigServerLogin.Password         {password}"
        )
        if is_own:
            self.stdout.write(
                f"GenesysSDK.ConfigServerLogin.CaFile           a copy of {certificate}, which vouches for itself"
            )
        self.stdout.write(
            "The address is that of --host and --port, which have to be those with which it is served."
        )

    def _list(self) -> None:
        rows = list(Portal.objects.all())
        for one in rows:
            used = f"last asked {one.used_at:%Y-%m-%d %H:%M} UTC" if one.used_at else "never asked"
            self.stdout.write(f"{one.application}  {one.username}  admitted {one.made_at:%Y-%m-%d}, {used}")
        if not rows:
            self.stdout.write("No portal is admitted. Admit one: manage.py configserver --admit NAME")

    # --- serving -------------------------------------------------------------------------------------------------------

    def _serve(self, options: dict[str, Any]) -> None:
        logs.take_over()
        logs.in_service("configserver")
        os.umask(0o077)
        bind, port, host = options["bind"], options["port"], _host(options)
        certificate, key, is_own = _certificate(options, host=host)
        web.refuse_taken_port(bind, port, choose=f"--port {port + 1}")
        workers = options["workers"] or (1 if connection.vendor == "sqlite" else os.cpu_count() or 1)
        if not Errand.begin(_prepare).succeeded():
            raise CommandError("Nothing was started; the reason stands above.")
        where.serve_here()
        settings.ROOT_URLCONF = "portal.urls_configserver"
        settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one not in FOR_PEOPLE]
        settings.ALLOWED_HOSTS = [host, *settings.ALLOWED_HOSTS]
        supervisor = Supervisor()
        service = Service(
            name="configserver",
            run=partial(
                web.serve, bind, port, workers, name="configserver", certificate=certificate, key=key
            ),
        )
        if not supervisor.start_first(
            service, ready=partial(web.answers, bind, port, tls=True), seconds=web.READY_SECONDS
        ):
            supervisor.stop()
            raise CommandError("It could not be served; the reason stands above.")
        self.stdout.write(f"The Configuration Server is at https://{host}:{port}. Ctrl-C stops it.")
        if is_own:
            self.stdout.write(
                f"  its certificate vouches for itself, for trying out alone: CaFile {certificate}"
            )
        self.stdout.flush()
        supervisor.run()
        self.stdout.write("Stopped.")


def _host(options: dict[str, Any]) -> str:
    return str(options["host"] or urlsplit(settings.PUBLIC_URL).hostname)


def _certificate(options: dict[str, Any], *, host: str) -> tuple[Path, Path, bool]:
    """The files to serve with, and whether the certificate is one of our own making."""
    given = options["cert"] or settings.TLS_CERT_FILE, options["key"] or settings.TLS_KEY_FILE
    if not any(given):
        return *self_signed(
            Path(settings.DATA_DIR) / "tls", name="configserver", hosts=[host], now=timezone.now()
        ), True
    certificate, key = map(Path, given)
    if not certificate.is_file() or not key.is_file():
        raise CommandError(
            f"A certificate and its key are needed both, and {certificate} or {key} cannot be read: --cert FILE --key FILE"
        )
    return certificate, key, False


def _prepare() -> None:
    with told():
        prepare.database()
