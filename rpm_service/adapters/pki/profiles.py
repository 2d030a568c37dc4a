"""What a certificate may say, as `certs/profiles/*.toml` has it, and the check against that.

TLS proves that a trusted authority signed the certificate and that the peer holds its key. It
lets through a certificate without a name, with two names, for any use and with a weak key; and
a resumed TLS session is not checked for expiry at all. So every call is checked here as well.
"""

import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from rpm_service.adapters.pki.directory import CertificatesError, OutsideProfile, utc
from rpm_service.application.identity import CertificateRefused, Identity, Role

PROFILES_MAX = 16
PEM_BYTES_MAX = 16_384
"""A client's certificate takes about 900."""
URI_SHOWN_MAX = 255
"""Characters of a refused URI that a reason repeats."""
ACCEPTED_MAX = 4096
"""Certificates whose check is remembered; the oldest is checked again when they are more."""

USAGES = {
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
}
CURVES = {"P-256": "secp256r1", "P-384": "secp384r1"}

E = TypeVar("E", bound=x509.ExtensionType)

_HERE = Path(__file__).resolve().parent
# A wheel carries the files beside this module; a source tree has them under certs/.
_PACKAGED = _HERE / "certificate_profiles"
PROFILES_DIRECTORY = _PACKAGED if _PACKAGED.is_dir() else _HERE.parents[2] / "certs" / "profiles"


@dataclass(frozen=True, slots=True)
class Realm:
    """The trust domain and the tenant whose peers a server serves."""

    trust_domain: str = "rpm.local"
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the certificates of one kind of peer may say; the fields are those of the file."""

    name: str
    role: str
    uri: str
    uri_length_max: int
    id_pattern: str
    issuer: str
    extended_key_usage: tuple[str, ...]
    lifetime_hours_max: float
    curves: tuple[str, ...]
    rsa_bits_min: int

    @property
    def lifetime_s_max(self) -> float:
        """The longest time from not-before to not-after, in seconds."""
        return self.lifetime_hours_max * 3600

    @property
    def usages(self) -> list[str]:
        """The extended key usages as dotted object identifiers, sorted."""
        return sorted(USAGES[usage].dotted_string for usage in self.extended_key_usage)

    def require_id(self, subject_id: str) -> None:
        """Raise OutsideProfile unless `subject_id` is an id of this kind of peer."""
        if re.fullmatch(self.id_pattern, subject_id) is None:
            raise OutsideProfile(
                f"{subject_id!r} is not a {self.name} id: up to 63 letters, digits, dots, "
                "underscores and hyphens, the first a letter or digit"
            )

    def uri_of(self, realm: Realm, subject_id: str) -> str:
        """Return the one URI of this peer; raises OutsideProfile for an id or a URI not allowed."""
        self.require_id(subject_id)
        uri = self.uri.format(trust_domain=realm.trust_domain, tenant=realm.tenant, id=subject_id)
        if self.read_uri(uri) != (realm, subject_id) or len(uri) > self.uri_length_max:
            raise OutsideProfile(f"{uri!r} is not a SPIFFE URI of at most {self.uri_length_max}")
        return uri

    def read_uri(self, uri: str) -> tuple[Realm, str] | None:
        """Return the realm and the id that stand in `uri`, unchecked; None if of another form."""
        pattern = re.escape(self.uri)
        for field in ("trust_domain", "tenant", "id"):
            pattern = pattern.replace(re.escape(f"{{{field}}}"), f"(?P<{field}>[^/%?#]+)")
        match = re.fullmatch(pattern, uri)
        if match is None:
            return None
        return Realm(match["trust_domain"], match["tenant"]), match["id"]


@cache
def load_profiles(directory: Path = PROFILES_DIRECTORY) -> Mapping[str, Profile]:
    """Read the profiles of a directory, by name; raises CertificatesError if one is unreadable."""
    files = sorted(directory.glob("*.toml"))
    if not 0 < len(files) <= PROFILES_MAX:
        raise CertificatesError(f"{directory} holds {len(files)} profiles, not 1 to {PROFILES_MAX}")
    return {file.stem: _read_profile(file) for file in files}


def _read_profile(file: Path) -> Profile:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        table |= {field: tuple(table[field]) for field in ("extended_key_usage", "curves")}
        profile = Profile(name=file.stem, **table)
        re.compile(profile.id_pattern)
    except KeyError as error:
        raise CertificatesError(f"{file}: {error} is missing") from error
    except (OSError, ValueError, TypeError, re.error) as error:
        raise CertificatesError(f"{file}: {error}") from error
    unknown = {*profile.extended_key_usage} - {*USAGES} | {*profile.curves} - {*CURVES}
    if unknown:
        raise CertificatesError(f"{file}: unknown usage or curve {', '.join(sorted(unknown))}")
    return profile


def uris_of(certificate: x509.Certificate) -> list[str]:
    """Return the URIs among a certificate's alternative names."""
    names = extension_of(certificate, x509.SubjectAlternativeName)
    return [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)


def extension_of(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """Return a certificate's extension of one kind, or None."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


@dataclass(frozen=True, slots=True)
class _Accepted:
    not_before: float
    identity: Identity


class ProfileChecker:
    """Checks clients' certificates against their profiles.

    `issuers` holds the certificate of each authority that a client profile names, by that name;
    the authorities' keys must differ, since only the key tells which of them signed.
    """

    def __init__(
        self,
        profiles: Iterable[Profile],
        issuers: Mapping[str, x509.Certificate],
        realm: Realm,
    ) -> None:
        roles = {role.value for role in Role}
        self._profiles = [profile for profile in profiles if profile.role in roles]
        self._issuers = {profile.issuer: issuers[profile.issuer] for profile in self._profiles}
        self._realm = realm
        self._accepted: dict[bytes, _Accepted] = {}

    def check(self, cert_pem: bytes, now: float) -> Identity:
        """Return who the certificate says its holder is, at the time `now` in Unix seconds.

        Raises CertificateRefused. What was accepted once is remembered, save that it is in time:
        that is asked on every call, because a resumed TLS session outlives its certificate.
        """
        accepted = self._accepted.get(cert_pem)
        if accepted is None:
            accepted = self._accept(cert_pem)
            if len(self._accepted) >= ACCEPTED_MAX:
                del self._accepted[next(iter(self._accepted))]
            self._accepted[cert_pem] = accepted
        identity = accepted.identity
        # In this form a NaN is in no time.
        if not accepted.not_before <= now:
            raise CertificateRefused(f"not valid before {utc(accepted.not_before)}")
        if not now <= identity.not_after:
            raise CertificateRefused(f"expired at {utc(identity.not_after)}")
        return identity

    def _accept(self, cert_pem: bytes) -> _Accepted:
        if len(cert_pem) > PEM_BYTES_MAX:
            raise CertificateRefused(f"larger than {PEM_BYTES_MAX} bytes")
        try:
            # What RFC 5280 forbids and the library still reads, such as a negative serial number.
            with warnings.catch_warnings(action="error", category=CryptographyDeprecationWarning):
                certificate = x509.load_pem_x509_certificate(cert_pem)
                return self._accept_parsed(certificate)
        except (
            CryptographyDeprecationWarning,
            ValueError,
            UnsupportedAlgorithm,
            x509.InvalidVersion,
            x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType,
        ) as error:
            raise CertificateRefused("not a readable certificate") from error

    def _accept_parsed(self, certificate: x509.Certificate) -> _Accepted:
        _require_leaf(certificate)
        profile, subject_id = self._profile_of(_only_uri(certificate))
        _require_usage(certificate, profile)
        _require_key(certificate, profile)
        not_before = certificate.not_valid_before_utc.timestamp()
        not_after = certificate.not_valid_after_utc.timestamp()
        if not_after - not_before > profile.lifetime_s_max:
            raise CertificateRefused(
                f"lives longer than the {profile.lifetime_hours_max:g} h of a {profile.name}"
            )
        issuer = self._issuers[profile.issuer]
        _require_issuer(certificate, issuer, profile)
        return _Accepted(
            max(not_before, issuer.not_valid_before_utc.timestamp()),
            Identity(
                role=Role(profile.role),
                id=subject_id,
                tenant=self._realm.tenant,
                fingerprint=certificate.fingerprint(SHA256()).hex(),
                not_after=min(not_after, issuer.not_valid_after_utc.timestamp()),
            ),
        )

    def _profile_of(self, uri: str) -> tuple[Profile, str]:
        """Find the one profile whose form the URI has, and the id in it."""
        shown = repr(uri[:URI_SHOWN_MAX])
        for profile in self._profiles:
            found = profile.read_uri(uri)
            if found is None:
                continue
            realm, subject_id = found
            if len(uri) > profile.uri_length_max:
                raise CertificateRefused(f"its URI is longer than {profile.uri_length_max}")
            if realm.trust_domain != self._realm.trust_domain:
                raise CertificateRefused(
                    f"{shown} is not in trust domain {self._realm.trust_domain}"
                )
            if realm.tenant != self._realm.tenant:
                raise CertificateRefused(f"{shown} is not of tenant {self._realm.tenant}")
            if re.fullmatch(profile.id_pattern, subject_id) is None:
                raise CertificateRefused(f"{shown} does not end in a valid id")
            return profile, subject_id
        raise CertificateRefused(f"{shown} is not the URI of a device, a gateway or a user")


def _require_leaf(certificate: x509.Certificate) -> None:
    constraints = extension_of(certificate, x509.BasicConstraints)
    usage = extension_of(certificate, x509.KeyUsage)
    if (constraints is not None and constraints.ca) or (usage is not None and usage.key_cert_sign):
        raise CertificateRefused("the certificate of an authority, not of a peer")


def _only_uri(certificate: x509.Certificate) -> str:
    uris = uris_of(certificate)
    if len(uris) != 1:
        raise CertificateRefused(f"names {len(uris) or 'no'} URIs, not exactly one")
    return uris[0]


def _require_usage(certificate: x509.Certificate, profile: Profile) -> None:
    usages = extension_of(certificate, x509.ExtendedKeyUsage) or ()
    if sorted(usage.dotted_string for usage in usages) != profile.usages:
        raise CertificateRefused(f"not for {' and '.join(profile.extended_key_usage)} alone")


def _require_key(certificate: x509.Certificate, profile: Profile) -> None:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        fits = key.curve.name in {CURVES[curve] for curve in profile.curves}
    else:
        fits = isinstance(key, rsa.RSAPublicKey) and key.key_size >= profile.rsa_bits_min
    if not fits:
        raise CertificateRefused(
            f"its key is neither {' nor '.join(profile.curves)} "
            f"nor RSA of at least {profile.rsa_bits_min} bits"
        )


def _require_issuer(
    certificate: x509.Certificate, issuer: x509.Certificate, profile: Profile
) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateRefused(f"not signed by the {profile.issuer}") from error
