"""How a certificate is put together and signed; no files here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority: its certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM form."""
        return self.certificate.public_bytes(Encoding.PEM)


def make_root(name: str, begin: float, end: float) -> Signer:
    """Make a root: P-384, signed by itself, for authorities that sign no further ones."""
    key = ec.generate_private_key(ec.SECP384R1())
    builder = _builder(name, key.public_key(), None, begin, end)
    return Signer(_sign_authority(builder, key, depth=1), key)


def make_authority(
    name: str,
    root: Signer,
    begin: float,
    end: float,
    usages: Iterable[str],
    trust_domain: str | None,
) -> Signer:
    """Make an authority under `root`, P-256, whose peers' certificates are for `usages` only.

    With a `trust_domain`, also for URIs of that domain only.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, key.public_key(), root, begin, end)
    builder = builder.add_extension(_usages(usages), critical=False)
    if trust_domain is not None:
        domain = x509.UniformResourceIdentifier(trust_domain)
        builder = builder.add_extension(x509.NameConstraints([domain], None), critical=True)
    return Signer(_sign_authority(builder, root.key, depth=0), key)


def certify(
    name: str,
    key: ec.EllipticCurvePublicKey,
    signer: Signer,
    begin: float,
    end: float,
    usages: Iterable[str],
    alternative_names: Sequence[x509.GeneralName],
) -> x509.Certificate:
    """Sign the certificate of a peer, who may sign no others."""
    builder = (
        _builder(name, key, signer, begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(_usages(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
    )
    return _sign(builder, signer.key)


def key_pem(key: PrivateKey) -> bytes:
    """Write a private key in PEM form, not encrypted: file modes guard it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _builder(
    name: str,
    key: ec.EllipticCurvePublicKey,
    signer: Signer | None,
    begin: float,
    end: float,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key = key if signer is None else signer.key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if signer is None else signer.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(int(begin), UTC))
        .not_valid_after(datetime.fromtimestamp(int(end), UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _sign_authority(
    builder: x509.CertificateBuilder, key: PrivateKey, *, depth: int
) -> x509.Certificate:
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=depth), critical=True
    ).add_extension(_key_usage(certificates=True), critical=True)
    return _sign(builder, key)


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, SHA384() if key.key_size == 384 else SHA256())


def _usages(usages: Iterable[str]) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage) for usage in usages])


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    """Allow to sign certificates, or else only to prove oneself in a handshake."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
