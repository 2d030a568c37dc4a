"""Certificates that no honest authority signs, for the tests of what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR_S = 3600.0
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
BED_1 = "spiffe://rpm.local/t/default/device/bed-1"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Forged:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signer(directory: Path, name: str) -> Forged:
    """Read an authority out of a certificates directory."""
    key = load_pem_private_key((directory / f"{name}.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate((directory / f"{name}.crt").read_bytes())
    return Forged(certificate, key)


def forge(
    authority: Forged | None,
    now: float,
    *,
    uris: Sequence[str] = (BED_1,),
    usages: Sequence[x509.ObjectIdentifier] = (CLIENT,),
    key: Key | None = None,
    age_s: float = 60.0,
    lifetime_s: float = HOUR_S,
    ca: bool = False,
    name: str = "",
    extra: Sequence[x509.ExtensionType] = (),
    issuer_name: x509.Name | None = None,
) -> Forged:
    """Sign a certificate that says exactly what is asked for; itself the signer if none is given.

    Without deviations it is the valid certificate of device bed-1.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    # Under one name with its authority, a certificate would look signed by itself.
    name = name or ("an authority" if ca else "bed-1")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (authority.certificate.subject if authority else subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(now - age_s), UTC))
        .not_valid_after(datetime.fromtimestamp(int(now - age_s + lifetime_s), UTC))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if uris:
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    for extension in extra:
        builder = builder.add_extension(extension, critical=True)
    signing_key = authority.key if authority else key
    algorithm = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else SHA256()
    return Forged(builder.sign(signing_key, algorithm), key)
