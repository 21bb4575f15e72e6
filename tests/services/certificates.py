"""Certificates for servers on this machine, good for a day."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files in PEM form: the authority to trust, the server's certificate and its key."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        hosts: Sequence[str] = ("localhost", "127.0.0.1"),
        valid: timedelta = timedelta(days=1),
    ) -> Self:
        """A fresh authority, and a certificate by it for these hosts, `valid` from now on; below zero it has expired."""
        authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = (
            _builder(
                "Test authority",
                issuer="Test authority",
                key=authority_key.public_key(),
                valid=max(valid, timedelta(days=1)),
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(True, False, False, False, False, True, True, False, False),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        names = [_name(host) for host in hosts]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        server = (
            _builder(hosts[0], issuer="Test authority", key=server_key.public_key(), valid=valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        made = cls.in_folder(folder)
        made.authority.write_bytes(authority.public_bytes(Encoding.PEM))
        made.certificate.write_bytes(server.public_bytes(Encoding.PEM))
        made.key.write_bytes(server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    @classmethod
    def kept(cls, folder: Path, *, valid: timedelta) -> Self:
        """The one that was made in this folder before, as long as it is good for another week; else a fresh one."""
        found = cls.in_folder(folder)
        if found.certificate.exists():
            ends = x509.load_pem_x509_certificate(found.certificate.read_bytes()).not_valid_after_utc
            if ends > datetime.now(UTC) + timedelta(days=7):
                return found
        return cls.make(folder, valid=valid)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """The files that `make` writes there."""
        return cls(authority=folder / "ca.pem", certificate=folder / "cert.pem", key=folder / "key.pem")

    def context(self) -> ssl.SSLContext:
        """What a server needs to show this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    name: str, *, issuer: str, key: ec.EllipticCurvePublicKey, valid: timedelta = timedelta(days=1)
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + valid)
    )
