"""An authenticator in software: real keys, real CBOR, real signatures, and every lie that a false one could tell."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED = 1, 4, 8, 16, 64


def written(data: bytes) -> str:
    """base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read(text: str) -> bytes:
    """The bytes behind it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Passkey:
    """One key pair, with the person and the place that it is for."""

    credential_id: bytes
    key: ec.EllipticCurvePrivateKey
    user_handle: bytes
    count: int = 0

    @property
    def cose(self) -> bytes:
        """The public half, as COSE writes it (RFC 9053)."""
        numbers = self.key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        return cbor2.dumps({1: 2, 3: -7, -1: 1} | point, canonical=True)


@dataclass
class Authenticator:
    """A device with its browser, on a page of `origin`. `steps` is how far its counter moves at each use; 0: it does not count."""

    origin: str
    steps: int = 0
    verifies: bool = True
    passkeys: list[Passkey] = field(default_factory=list)

    def create(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """What `navigator.credentials.create()` gives, as `toJSON()` writes it."""
        made = Passkey(
            credential_id=lies.pop("credential_id", None) or os.urandom(32),
            key=ec.generate_private_key(ec.SECP256R1()),
            user_handle=read(options["user"]["id"]),
        )
        assert written(made.credential_id) not in [one["id"] for one in options["excludeCredentials"]]
        self.passkeys.append(made)
        attested = bytes(16) + len(made.credential_id).to_bytes(2) + made.credential_id + made.cose
        rp_id = lies.pop("rp_id", options["rp"]["id"])
        data = self._data(rp_id, made, more=ATTESTED, verified=lies.pop("verified", self.verifies)) + attested
        attestation = {"fmt": lies.pop("fmt", "none"), "attStmt": lies.pop("statement", {}), "authData": data}
        return self._said(
            made,
            {
                "clientDataJSON": self._client_data("webauthn.create", options, lies),
                "attestationObject": written(cbor2.dumps(attestation)),
                "transports": ["internal", "hybrid", "something new"],
            },
        )

    def get(self, options: dict[str, Any], *, passkey: Passkey | None = None, **lies: Any) -> dict[str, Any]:
        """What `navigator.credentials.get()` gives: signed by the first passkey that is allowed."""
        allowed = [one["id"] for one in options["allowCredentials"]]
        used = passkey or next(
            one for one in self.passkeys if not allowed or written(one.credential_id) in allowed
        )
        used.count = lies.pop("count", used.count + self.steps)
        client_data = self._client_data("webauthn.get", options, lies)
        data = self._data(
            lies.pop("rp_id", options["rpId"]), used, verified=lies.pop("verified", self.verifies)
        )
        signature = used.key.sign(data + hashlib.sha256(read(client_data)).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client_data,
            "authenticatorData": written(data),
            "signature": written(signature),
        }
        if (handle := lies.pop("user_handle", used.user_handle)) is not None:
            response["userHandle"] = written(handle)
        assert not lies, f"no such lie: {lies}"
        return self._said(used, response)

    def _data(self, rp_id: str, passkey: Passkey, *, verified: bool, more: int = 0) -> bytes:
        flags = PRESENT | ELIGIBLE | BACKED_UP | (VERIFIED if verified else 0) | more
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + passkey.count.to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> str:
        said = {
            "type": lies.pop("type", kind),
            "challenge": lies.pop("challenge", options["challenge"]),
            "origin": lies.pop("origin", self.origin),
            "crossOrigin": lies.pop("cross_origin", False),
        }
        return written(json.dumps(said | lies.pop("client_data", {})).encode())

    @staticmethod
    def _said(passkey: Passkey, response: dict[str, Any]) -> dict[str, Any]:
        name = written(passkey.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
