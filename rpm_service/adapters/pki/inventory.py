"""What lies in a certificates directory, for a person to look at."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256

from rpm_service.adapters.pki import authority
from rpm_service.adapters.pki import directory as layout
from rpm_service.adapters.pki.profiles import load_profiles, uris_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One certificate.

    `role` is `authority` for those that sign others; `uri` is None where there is not exactly
    one; times are Unix seconds; `fingerprint` is SHA-256 in hex; `file` is relative to the
    directory.
    """

    name: str
    role: str
    uri: str | None
    not_before: float
    not_after: float
    fingerprint: str
    file: str


def list_certificates(directory: Path) -> list[Listed]:
    """List authorities, then server and peers; raises CertificatesMissing if there are none."""
    profiles = load_profiles().values()
    authorities = [layout.ROOT, *dict.fromkeys(profile.issuer for profile in profiles)]
    found = [(directory / f"{name}.crt", "authority") for name in authorities]
    for profile in profiles:
        # The id "*" stands for all of them; a server's file is the same for any.
        pattern, _ = authority.leaf_files(Path(), profile, "*")
        found += [(file, profile.role) for file in sorted(directory.glob(str(pattern)))]
    listed = [_describe(directory, file, role) for file, role in found if file.exists()]
    if not listed:
        raise layout.not_set_up(directory)
    return listed


def _describe(directory: Path, file: Path, role: str) -> Listed:
    certificate = layout.read_certificate(file)
    uris = uris_of(certificate)
    return Listed(
        name=file.stem,
        role=role,
        uri=uris[0] if len(uris) == 1 else None,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        file=str(file.relative_to(directory)),
    )
