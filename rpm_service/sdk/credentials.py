"""Who a device is: its certificate, its key, and whom it trusts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from rpm_service.sdk.errors import CredentialsUnusable

_READABLE_BY_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key, its certificate chain, and the certificates that may have signed the server's.

    All three are PEM. Made by the class methods, which check that they fit each other: a
    handshake that fails later cannot say why.
    """

    key_pem: bytes = field(repr=False)
    chain_pem: bytes
    trust_pem: bytes

    @classmethod
    def from_pem(cls, key_pem: bytes, chain_pem: bytes, trust_pem: bytes) -> Self:
        """Checks that key and certificate fit and that the certificate is valid today."""
        try:
            key = load_pem_private_key(key_pem, password=None)
            certificate = x509.load_pem_x509_certificate(chain_pem)
            x509.load_pem_x509_certificates(trust_pem)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise CredentialsUnusable(f"not a usable key and certificate: {error}") from error
        spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*spki) != certificate.public_key().public_bytes(*spki):
            raise CredentialsUnusable("the key is not that of the certificate")
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise CredentialsUnusable(f"the certificate expired {certificate.not_valid_after_utc}")
        return cls(key_pem, chain_pem, trust_pem)

    @classmethod
    def from_files(cls, key: Path, chain: Path, trust: Path) -> Self:
        """Reads PEM files; refuses a key that others on this machine can read."""
        try:
            if key.stat().st_mode & _READABLE_BY_OTHERS:
                raise CredentialsUnusable(f"{key} can be read by others; chmod 600 it")
            pems = (key.read_bytes(), chain.read_bytes(), trust.read_bytes())
        except OSError as error:
            raise CredentialsUnusable(f"{error.filename}: {error.strerror}") from error
        try:
            return cls.from_pem(*pems)
        except CredentialsUnusable as error:
            raise CredentialsUnusable(f"{chain}: {error}") from error

    @classmethod
    def from_directory(cls, directory: str | Path, device_id: str, *, role: str = "device") -> Self:
        """Reads what `rpm-service certs issue device|gateway ID` has written below a directory."""
        base = Path(directory)
        return cls.from_files(
            base / f"{role}s" / f"{device_id}.key",
            base / f"{role}s" / f"{device_id}.crt",
            base / "server-trust.crt",
        )
