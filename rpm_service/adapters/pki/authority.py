"""A small certificate authority for laboratories, demonstrations and tests.

    root (P-384, 10 years; its key signs the three below and is then forgotten)
     |- device-ca   signs devices and gateways
     |- user-ca     signs viewers
     `- server-ca   signs the server

The three are P-256, live a year and may sign no further authority. A site with a public-key
infrastructure of its own uses that one and lays the files out as `certs/README.md` says.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from rpm_service.adapters.pki import directory as layout
from rpm_service.adapters.pki import signing
from rpm_service.adapters.pki.directory import (
    CertificatesError,
    CertificatesMissing,
    OutsideProfile,
)
from rpm_service.adapters.pki.profiles import (
    Profile,
    Realm,
    extension_of,
    load_profiles,
    uris_of,
)

ROOT_LIFETIME_S = 3650 * 86_400.0
CA_LIFETIME_S = 365 * 86_400.0
BACKDATE_S = 60.0
"""How far back validity begins, for a peer whose clock is a little behind."""
LIFETIME_S_MIN = BACKDATE_S + 1
HOSTS_MAX = 64
DEFAULT_REALM = Realm()

_TRUST_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_DNS_NAME = re.compile(r"[A-Za-z0-9_*]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Server:
    """Who the server is, whom it serves, and the hosts it answers on."""

    realm: Realm
    name: str
    hosts: tuple[x509.GeneralName, ...]


def init(
    directory: Path,
    *,
    now: float,
    realm: Realm = DEFAULT_REALM,
    hosts: Sequence[str] = (),
    force: bool = False,
) -> None:
    """Make a root, the authorities under it and a server certificate for this host and `hosts`.

    Raises CertificatesError if the directory holds anything already. With `force`, a directory
    that was made here is made anew, and the certificates issued from it are removed.
    """
    if _TRUST_DOMAIN.fullmatch(realm.trust_domain) is None:
        raise OutsideProfile(f"{realm.trust_domain!r} is not a trust domain: write it as rpm.local")
    profiles = load_profiles()
    server = profiles[layout.SERVER]
    server.require_id(realm.tenant)
    names = _server_names(server.uri_of(realm, "main"), hosts)
    _require_room(directory, force=force)
    layout.make_directory(directory)
    with layout.locked(directory, exclusive=True):
        for profile in profiles.values():
            _remove_issued(directory, profile)
        # Nothing that lies here belongs into a repository, wherever the directory is.
        layout.write(directory / ".gitignore", b"*\n")
        authorities = _establish(directory, realm, profiles.values(), now)
        _issue(
            directory, server, "main", authorities[server.issuer], names, now, server.lifetime_s_max
        )


def issue(
    directory: Path,
    kind: str,
    subject_id: str,
    *,
    now: float,
    lifetime_s: float | None = None,
    hosts: Sequence[str] = (),
) -> Path:
    """Issue a key and a certificate to a device, gateway, viewer or server; return its file.

    What is there of the same name is replaced; a server keeps the hosts it had. The life is the
    longest that the profile allows unless `lifetime_s` is given, begins a minute ago, and ends no
    later than the authority's. Raises CertificatesMissing if the authority is not here,
    OutsideProfile for an id, a life or a host that is not allowed.
    """
    profile = load_profiles()[kind]
    profile.require_id(subject_id)
    with layout.locked(directory, exclusive=True):
        server = read_server(directory)
        uri = profile.uri_of(server.realm, subject_id)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
        if kind == layout.SERVER:
            names = list(dict.fromkeys([*_server_names(uri, hosts), *server.hosts]))
        signer = _read_signer(directory, profile.issuer)
        lifetime_s = profile.lifetime_s_max if lifetime_s is None else lifetime_s
        return _issue(directory, profile, subject_id, signer, names, now, lifetime_s)


def read_server(directory: Path) -> Server:
    """Read what the server's certificate says; raises CertificatesMissing if there is none."""
    file = directory / f"{layout.SERVER}.crt"
    try:
        certificate = layout.read_certificate(file)
    except FileNotFoundError:
        raise layout.not_set_up(directory) from None
    uris = uris_of(certificate)
    found = load_profiles()[layout.SERVER].read_uri(uris[0]) if len(uris) == 1 else None
    if found is None:
        raise CertificatesError(f"{file} does not name exactly one URI, that of a server")
    realm, name = found
    names = extension_of(certificate, x509.SubjectAlternativeName) or ()
    return Server(
        realm,
        name,
        tuple(host for host in names if isinstance(host, x509.DNSName | x509.IPAddress)),
    )


def leaf_files(directory: Path, profile: Profile, subject_id: str) -> tuple[Path, Path]:
    """Return where the certificate and the key of a peer lie."""
    stem = layout.SERVER if profile.name == layout.SERVER else f"{profile.name}s/{subject_id}"
    return directory / f"{stem}.crt", directory / f"{stem}.key"


def _require_room(directory: Path, *, force: bool) -> None:
    if not directory.exists():
        return
    try:
        ours = (directory / f"{layout.ROOT}.crt").exists()
        empty = not any(directory.iterdir())
    except OSError as error:
        raise layout.unusable(directory, error) from error
    if ours and not force:
        raise CertificatesError(
            f"{directory} already holds certificates, which are kept: to renew one run "
            f"{layout.command(directory, 'issue')}, to start over (every peer then needs a new "
            f"one) {layout.command(directory, 'init', '--force')}"
        )
    if not ours and not empty:
        raise CertificatesError(
            f"{directory} holds other files, which are kept: give --certs a new directory"
        )


def _remove_issued(directory: Path, profile: Profile) -> None:
    certificate, _ = leaf_files(directory, profile, "id")
    if certificate.parent != directory and certificate.parent.is_dir():
        for file in certificate.parent.iterdir():
            if file.suffix in {".crt", ".key"}:
                file.unlink()


def _establish(
    directory: Path, realm: Realm, profiles: Iterable[Profile], now: float
) -> dict[str, signing.Signer]:
    """Make and write the root and the authorities that the profiles name."""
    usages: dict[str, set[str]] = {}
    for profile in profiles:
        usages.setdefault(profile.issuer, set()).update(profile.usages)
    begin = now - BACKDATE_S
    root = signing.make_root(f"{realm.trust_domain} root", begin, begin + ROOT_LIFETIME_S)
    layout.write(directory / f"{layout.ROOT}.crt", root.pem)
    layout.write(directory / layout.SERVER_TRUST, root.pem)
    authorities = {}
    trusted = []
    for name, allowed in usages.items():
        for_servers = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string in allowed
        authority = signing.make_authority(
            f"{realm.trust_domain} {name}",
            root,
            begin,
            begin + CA_LIFETIME_S,
            sorted(allowed),
            # Browsers do not know a constraint on URIs and refuse the server under it.
            trust_domain=None if for_servers else realm.trust_domain,
        )
        authorities[name] = authority
        if not for_servers:
            trusted.append(authority.pem)
        layout.write(directory / f"{name}.key", signing.key_pem(authority.key), private=True)
        layout.write(directory / f"{name}.crt", authority.pem)
    layout.write(directory / layout.CLIENTS_TRUST, b"".join(trusted))
    return authorities


def _issue(
    directory: Path,
    profile: Profile,
    subject_id: str,
    signer: signing.Signer,
    names: Sequence[x509.GeneralName],
    now: float,
    lifetime_s: float,
) -> Path:
    """Sign and write a certificate; the directory's lock is held by the caller."""
    if not LIFETIME_S_MIN <= lifetime_s <= profile.lifetime_s_max:
        raise OutsideProfile(
            f"the certificate of a {profile.name} lives {LIFETIME_S_MIN:g} s "
            f"to {profile.lifetime_hours_max:g} h"
        )
    ca_end = signer.certificate.not_valid_after_utc.timestamp()
    if now >= ca_end:
        raise CertificatesError(
            f"the {profile.issuer} expired at {layout.utc(ca_end)}: start over with "
            f"{layout.command(directory, 'init', '--force')}"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    begin = now - BACKDATE_S
    certificate = signing.certify(
        subject_id,
        key.public_key(),
        signer,
        begin,
        min(begin + lifetime_s, ca_end),
        profile.usages,
        names,
    )
    certificate_file, key_file = leaf_files(directory, profile, subject_id)
    layout.make_directory(certificate_file.parent)
    layout.write(key_file, signing.key_pem(key), private=True)
    layout.write(certificate_file, certificate.public_bytes(Encoding.PEM) + signer.pem)
    return certificate_file


def _server_names(uri: str, hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Return the names of a server on this host: its URI, the loopback ones, `hosts`."""
    if len(hosts) > HOSTS_MAX:
        raise OutsideProfile(f"a server certificate names at most {HOSTS_MAX} hosts")
    own = socket.gethostname()
    # A machine may bear a name that DNS could not; it is then reached by another.
    here = [own] if _DNS_NAME.fullmatch(own) else []
    names = [_host_name(host) for host in ("localhost", "127.0.0.1", "::1", *here, *hosts)]
    return [x509.UniformResourceIdentifier(uri), *dict.fromkeys(names)]


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if _DNS_NAME.fullmatch(host) is None:
        raise OutsideProfile(f"{host!r} is neither a DNS name nor an IP address")
    return x509.DNSName(host)


def _read_signer(directory: Path, name: str) -> signing.Signer:
    try:
        return signing.Signer(
            layout.read_certificate(directory / f"{name}.crt"),
            layout.read_key(directory / f"{name}.key"),
        )
    except FileNotFoundError:
        raise CertificatesMissing(
            f"{directory} does not hold the {name} and its key: issue where they lie, or run "
            f"{layout.command(directory, 'init')}"
        ) from None
