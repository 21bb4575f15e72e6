"""A certificate that vouches for itself: enough to try a server out, and for nothing else."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAYS = 365
RENEWED_BEFORE = timedelta(days=30)


def self_signed(folder: Path, *, name: str, hosts: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """The files `name`.pem and `name`.key in this folder, made where they are missing, for other hosts, or near their end."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if not _is_good(certificate, key, hosts, now=now):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(certificate, key, hosts, now=now)
    return certificate, key


def _is_good(certificate: Path, key: Path, hosts: Sequence[str], *, now: datetime) -> bool:
    if not certificate.exists() or not key.exists():
        return False
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = found.not_valid_after_utc > now + RENEWED_BEFORE
    return lasts and set(names) == set(map(_named, hosts))


def _make(certificate: Path, key: Path, hosts: Sequence[str], *, now: datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(list(map(_named, hosts))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.touch(mode=0o600)
    key.chmod(0o600)
    key.write_bytes(secret)
    certificate.write_bytes(made.public_bytes(Encoding.PEM))


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
