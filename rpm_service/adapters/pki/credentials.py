"""What a server and its clients load from a certificates directory before they connect."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from rpm_service.adapters.pki import authority
from rpm_service.adapters.pki import directory as layout
from rpm_service.adapters.pki.directory import CertificatesError, CertificatesMissing
from rpm_service.adapters.pki.profiles import Profile, ProfileChecker, load_profiles
from rpm_service.application.identity import Role


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client's own key and chain, and whom it trusts as a server; all PEM."""

    key_pem: bytes = field(repr=False)
    chain_pem: bytes
    trust_pem: bytes


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """A server's own key and chain, and whom it trusts as clients; all PEM."""

    key_pem: bytes = field(repr=False)
    chain_pem: bytes
    client_trust_pem: bytes


def load_client(
    directory: Path, role: Role, subject_id: str, *, now: float | None = None
) -> ClientCredentials:
    """Load what a device, gateway or user connects with.

    Raises CertificatesMissing with the command to run if the certificate is not there or has
    expired, CertificatesError if a file cannot be used or the key is open to other users.
    """
    profile = _profile(role)
    key, chain, trust = _load(directory, profile, subject_id, layout.SERVER_TRUST, _at(now))
    return ClientCredentials(key, chain, trust)


def load_server(directory: Path, *, now: float | None = None) -> ServerCredentials:
    """Load what a server listens with; raises as `load_client` does."""
    profile = load_profiles()[layout.SERVER]
    key, chain, trust = _load(directory, profile, "main", layout.CLIENTS_TRUST, _at(now))
    return ServerCredentials(key, chain, trust)


def load_checker(directory: Path) -> ProfileChecker:
    """Build the check of clients' certificates, for the realm of the server's own certificate."""
    realm = authority.read_server(directory).realm
    profiles = load_profiles().values()
    try:
        issuers = {
            profile.issuer: layout.read_certificate(directory / f"{profile.issuer}.crt")
            for profile in profiles
        }
    except FileNotFoundError as error:
        raise CertificatesMissing(
            f"{error.filename} is missing: restore it, or start over with "
            f"{layout.command(directory, 'init', '--force')}"
        ) from None
    return ProfileChecker(profiles, issuers, realm)


def ensure_client(
    directory: Path, role: Role, subject_id: str, *, now: float | None = None
) -> ClientCredentials:
    """Load as `load_client` does, and issue first where need be and the authority's key is here.

    There is need if the certificate is missing, has expired, or is past the half of its life.
    """
    instant = _at(now)
    profile = _profile(role)
    if (directory / f"{profile.issuer}.key").exists() and _is_due(
        directory, profile, subject_id, instant
    ):
        authority.issue(directory, profile.name, subject_id, now=instant)
    return load_client(directory, role, subject_id, now=instant)


def ensure_server(directory: Path, *, now: float | None = None) -> ServerCredentials:
    """Load as `load_server` does, and make the authorities or renew the certificate first.

    A directory that is missing or empty is set up; a certificate that has expired or is past the
    half of its life is renewed where the authority's key is here.
    """
    instant = _at(now)
    profile = load_profiles()[layout.SERVER]
    if not (directory / f"{layout.SERVER}.crt").exists():
        authority.init(directory, now=instant)
    elif (directory / f"{profile.issuer}.key").exists():
        server = authority.read_server(directory)
        if _is_due(directory, profile, server.name, instant):
            authority.issue(directory, profile.name, server.name, now=instant)
    return load_server(directory, now=instant)


def _at(now: float | None) -> float:
    return time.time() if now is None else now


def _profile(role: Role) -> Profile:
    (profile,) = (profile for profile in load_profiles().values() if profile.role == role)
    return profile


def _is_due(directory: Path, profile: Profile, subject_id: str, now: float) -> bool:
    """Tell whether a certificate is missing, expired, or past the half of its life."""
    profile.require_id(subject_id)
    certificate_file, key_file = authority.leaf_files(directory, profile, subject_id)
    if not key_file.exists():
        return True
    try:
        certificate = layout.read_certificate(certificate_file)
    except FileNotFoundError:
        return True
    begin = certificate.not_valid_before_utc.timestamp()
    end = certificate.not_valid_after_utc.timestamp()
    return now > (begin + end) / 2


def _load(
    directory: Path, profile: Profile, subject_id: str, trust: str, now: float
) -> tuple[bytes, bytes, bytes]:
    """Read key, chain and trust of a peer, and see that they can be used at `now`."""
    profile.require_id(subject_id)
    certificate_file, key_file = authority.leaf_files(directory, profile, subject_id)
    remedy = f"run {layout.command(directory, 'issue', profile.name, subject_id)}"
    with layout.locked(directory, exclusive=False):
        try:
            trust_pem = layout.read(directory / trust)
        except FileNotFoundError:
            raise layout.not_set_up(directory) from None
        try:
            certificate = layout.read_certificate(certificate_file)
            chain_pem = layout.read(certificate_file)
            key = layout.read_key(key_file)
            key_pem = layout.read(key_file, private=True)
        except FileNotFoundError as error:
            raise CertificatesMissing(f"{error.filename} is missing: {remedy}") from None
    if certificate.public_key() != key.public_key():
        raise CertificatesMissing(f"{key_file} is not the key of {certificate_file}: {remedy}")
    end = certificate.not_valid_after_utc.timestamp()
    if now > end:
        raise CertificatesMissing(f"{certificate_file} expired at {layout.utc(end)}: {remedy}")
    begin = certificate.not_valid_before_utc.timestamp()
    if now < begin:
        raise CertificatesError(
            f"{certificate_file} is not valid before {layout.utc(begin)}: "
            "set this machine's clock right"
        )
    return key_pem, chain_pem, trust_pem
