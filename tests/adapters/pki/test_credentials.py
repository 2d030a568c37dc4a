from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificates

from rpm_service.adapters import pki
from rpm_service.application.identity import Identity, Role
from tests.adapters.pki.forgery import HOUR_S

ROLES = [(Role.DEVICE, "device"), (Role.GATEWAY, "gateway"), (Role.USER, "viewer")]


@pytest.mark.spec("CERT-23")
@pytest.mark.parametrize(("role", "kind"), ROLES)
def test_a_client_loads_its_key_its_chain_and_whom_it_trusts(
    own_certs: Path, now: float, role: Role, kind: str
) -> None:
    file = pki.issue(own_certs, kind, "x.1", now=now)
    assert file == own_certs / f"{kind}s" / "x.1.crt"
    own = pki.load_client(own_certs, role, "x.1", now=now)
    assert own.key_pem == file.with_suffix(".key").read_bytes()
    assert own.chain_pem == file.read_bytes()
    assert own.trust_pem == (own_certs / "root.crt").read_bytes()
    leaf, ca = load_pem_x509_certificates(own.chain_pem)
    leaf.verify_directly_issued_by(ca)


@pytest.mark.spec("CERT-23")
def test_credentials_do_not_show_their_key(certs: Path, now: float) -> None:
    own = pki.load_server(certs, now=now)
    assert b"PRIVATE" in own.key_pem
    assert "PRIVATE" not in repr(own)


@pytest.mark.spec("CERT-23")
@pytest.mark.parametrize(("role", "kind"), ROLES)
def test_a_missing_certificate_is_answered_with_the_command_that_makes_it(
    certs: Path, now: float, role: Role, kind: str
) -> None:
    command = f"run `rpm-service certs issue {kind} nobody --certs {certs}`"
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.load_client(certs, role, "nobody", now=now)


@pytest.mark.spec("CERT-23")
def test_a_missing_directory_is_answered_with_init(tmp_path: Path, now: float) -> None:
    nowhere = tmp_path / "my certs"
    command = f"run `rpm-service certs init --certs '{nowhere}'`"
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.load_client(nowhere, Role.DEVICE, "bed-1", now=now)
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.load_server(nowhere, now=now)
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.load_checker(nowhere)
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.ensure_client(nowhere, Role.DEVICE, "bed-1", now=now)
    with pytest.raises(pki.CertificatesMissing, match=command):
        pki.list_certificates(nowhere)


@pytest.mark.spec("CERT-23")
def test_an_expired_certificate_is_not_loaded(own_certs: Path, now: float) -> None:
    pki.issue(own_certs, "device", "bed-1", now=now, lifetime_s=HOUR_S)
    with pytest.raises(pki.CertificatesMissing, match=r"expired at .*certs issue device bed-1"):
        pki.load_client(own_certs, Role.DEVICE, "bed-1", now=now + HOUR_S)
    with pytest.raises(pki.CertificatesError, match=r"not valid before .*clock"):
        pki.load_client(own_certs, Role.DEVICE, "bed-1", now=now - HOUR_S)
    with pytest.raises(pki.CertificatesMissing, match=r"expired at .*certs issue server main"):
        pki.load_server(own_certs, now=now + 2161 * HOUR_S)


@pytest.mark.spec("CERT-22")
def test_the_key_of_another_is_not_loaded(own_certs: Path, now: float) -> None:
    file = pki.issue(own_certs, "device", "bed-1", now=now)
    other = pki.issue(own_certs, "device", "bed-2", now=now)
    other.with_suffix(".key").replace(file.with_suffix(".key"))
    with pytest.raises(pki.CertificatesMissing, match="is not the key of"):
        pki.load_client(own_certs, Role.DEVICE, "bed-1", now=now)


@pytest.mark.spec("CERT-24")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o777])
def test_a_key_that_others_may_read_or_write_is_not_loaded(
    own_certs: Path, now: float, mode: int
) -> None:
    pki.issue(own_certs, "device", "bed-1", now=now)
    for key in ("devices/bed-1.key", "server.key", "user-ca.key"):
        (own_certs / key).chmod(mode)
    complaint = f"is open to other users \\(mode {mode:04o}\\).*chmod 600"
    with pytest.raises(pki.CertificatesError, match=complaint):
        pki.load_client(own_certs, Role.DEVICE, "bed-1", now=now)
    with pytest.raises(pki.CertificatesError, match=complaint):
        pki.load_server(own_certs, now=now)
    with pytest.raises(pki.CertificatesError, match=complaint):
        pki.issue(own_certs, "viewer", "nurse-7", now=now)


@pytest.mark.parametrize("name", ["server.crt", "server.key"])
@pytest.mark.parametrize("content", [b"", b"garbage", 70_000 * b"x"])
def test_a_damaged_file_is_named(own_certs: Path, now: float, name: str, content: bytes) -> None:
    (own_certs / name).write_bytes(content)
    with pytest.raises(pki.CertificatesError, match=f"{name} is (not a|larger than)"):
        pki.load_server(own_certs, now=now)


@pytest.mark.spec("CERT-25")
def test_a_client_is_issued_what_it_lacks_where_the_authority_lies(
    own_certs: Path, now: float
) -> None:
    first = pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now)
    assert pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now + 3 * HOUR_S) == first
    assert pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now + 5 * HOUR_S) != first
    late = now + 100 * HOUR_S
    own = pki.ensure_client(own_certs, Role.USER, "nurse-7", now=late)
    leaf = own.chain_pem
    assert pki.load_checker(own_certs).check(leaf, late) == Identity(
        role=Role.USER,
        id="nurse-7",
        tenant="default",
        fingerprint=load_pem_x509_certificates(leaf)[0].fingerprint(SHA256()).hex(),
        not_after=int(late - 60) + 8 * HOUR_S,
    )


@pytest.mark.spec("CERT-25")
def test_where_the_authority_does_not_lie_a_client_uses_what_it_has(
    own_certs: Path, now: float
) -> None:
    first = pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now)
    (own_certs / "user-ca.key").unlink()
    assert pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now + 7 * HOUR_S) == first
    with pytest.raises(pki.CertificatesMissing, match="expired"):
        pki.ensure_client(own_certs, Role.USER, "nurse-7", now=now + 9 * HOUR_S)
    with pytest.raises(pki.CertificatesMissing, match="is missing"):
        pki.ensure_client(own_certs, Role.USER, "nurse-8", now=now)


@pytest.mark.spec("CERT-25")
def test_a_server_is_set_up_once_and_renewed_in_time(tmp_path: Path, now: float) -> None:
    certs = tmp_path / "certs"
    first = pki.ensure_server(certs, now=now)
    device = pki.ensure_client(certs, Role.DEVICE, "bed-1", now=now)
    assert pki.ensure_server(certs, now=now + 1000 * HOUR_S) == first
    renewed = pki.ensure_server(certs, now=now + 3000 * HOUR_S)
    assert renewed.chain_pem != first.chain_pem
    assert renewed.client_trust_pem == first.client_trust_pem
    assert device.trust_pem == (certs / "server-trust.crt").read_bytes()


def test_a_missing_authority_certificate_is_named(own_certs: Path) -> None:
    (own_certs / "user-ca.crt").unlink()
    with pytest.raises(pki.CertificatesMissing, match=r"user-ca.crt is missing"):
        pki.load_checker(own_certs)
