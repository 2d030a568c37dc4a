import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from rpm_service.adapters import pki
from rpm_service.adapters.pki import authority
from rpm_service.adapters.pki.profiles import extension_of, uris_of
from rpm_service.application.identity import Role
from tests.adapters.pki.forgery import CLIENT, HOUR_S, SERVER, signer

NOW = 1_900_000_000.0
DAY_S = 24 * HOUR_S


def certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def life_s(one: x509.Certificate) -> float:
    return (one.not_valid_after_utc - one.not_valid_before_utc).total_seconds()


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file()
    }


@pytest.mark.spec("CERT-15")
def test_a_root_signs_three_authorities_and_its_key_is_not_kept(certs: Path) -> None:
    root = certificate(certs / "root.crt")
    assert isinstance(key := root.public_key(), ec.EllipticCurvePublicKey)
    assert (key.curve.name, life_s(root)) == ("secp384r1", 3650 * DAY_S)
    assert not (certs / "root.key").exists()
    for name, usage in [("device-ca", CLIENT), ("user-ca", CLIENT), ("server-ca", SERVER)]:
        ca = certificate(certs / f"{name}.crt")
        ca.verify_directly_issued_by(root)
        assert isinstance(key := ca.public_key(), ec.EllipticCurvePublicKey)
        assert (key.curve.name, life_s(ca)) == ("secp256r1", 365 * DAY_S)
        assert extension_of(ca, x509.BasicConstraints) == x509.BasicConstraints(True, 0)
        assert extension_of(ca, x509.ExtendedKeyUsage) == x509.ExtendedKeyUsage([usage])


@pytest.mark.spec("CERT-15")
def test_a_server_trusts_the_two_client_authorities_and_a_client_the_root(certs: Path) -> None:
    bundle = x509.load_pem_x509_certificates((certs / "clients-ca.crt").read_bytes())
    assert bundle == [certificate(certs / f"{name}.crt") for name in ("device-ca", "user-ca")]
    assert (certs / "server-trust.crt").read_bytes() == (certs / "root.crt").read_bytes()


@pytest.mark.spec("CERT-16")
def test_a_server_certificate_names_one_uri_and_the_hosts_it_answers_on(tmp_path: Path) -> None:
    pki.init(tmp_path / "certs", now=NOW, hosts=["ward.example", "192.0.2.7", "localhost"])
    server = certificate(tmp_path / "certs" / "server.crt")
    assert uris_of(server) == ["spiffe://rpm.local/t/default/server/main"]
    names = extension_of(server, x509.SubjectAlternativeName)
    assert names is not None
    dns = names.get_values_for_type(x509.DNSName)
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    assert {"localhost", "ward.example"} <= {*dns}
    assert dns.count("localhost") == 1
    assert addresses == ["127.0.0.1", "::1", "192.0.2.7"]
    assert extension_of(server, x509.ExtendedKeyUsage) == x509.ExtendedKeyUsage([SERVER])
    chain = x509.load_pem_x509_certificates((tmp_path / "certs/server.crt").read_bytes())
    for lower, upper in pairwise([*chain, certificate(tmp_path / "certs/root.crt")]):
        lower.verify_directly_issued_by(upper)


@pytest.mark.spec("CERT-16")
@pytest.mark.parametrize("name", ["-host", "a host", "höst", "", "host/x", "host."])
def test_a_host_that_can_be_none_is_refused_before_anything_is_made(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(pki.OutsideProfile, match="neither a DNS name nor an IP address"):
        pki.init(tmp_path / "certs", now=NOW, hosts=[name])
    assert not (tmp_path / "certs").exists()


@pytest.mark.spec("CERT-17")
def test_only_the_owner_may_read_keys_or_enter(own_certs: Path, now: float) -> None:
    own_certs.chmod(0o755)
    pki.issue(own_certs, "device", "bed-1", now=now)
    pki.init(own_certs, now=now, force=True)
    pki.issue(own_certs, "viewer", "nurse-7", now=now)
    modes = {file: stat.S_IMODE(file.stat().st_mode) for file in own_certs.rglob("*")}
    assert {modes[file] for file in modes if file.is_dir()} == {0o700}
    keys = [file for file in modes if file.suffix == ".key"]
    assert len(keys) == 5
    assert {modes[file] for file in keys} == {0o600}
    assert own_certs.stat().st_mode & 0o777 == 0o700


@pytest.mark.spec("CERT-17")
def test_the_directory_keeps_itself_out_of_a_repository(certs: Path) -> None:
    assert (certs / ".gitignore").read_text() == "*\n"


@pytest.mark.spec("CERT-18")
def test_a_second_init_keeps_what_is_there_and_says_what_to_do(own_certs: Path) -> None:
    before = contents(own_certs)
    with pytest.raises(pki.CertificatesError, match=r"already holds .*--force") as caught:
        pki.init(own_certs, now=NOW)
    assert str(own_certs) in str(caught.value)
    assert contents(own_certs) == before


@pytest.mark.spec("CERT-18")
def test_force_starts_over_and_removes_what_the_old_authorities_issued(
    own_certs: Path, now: float
) -> None:
    for kind in ("device", "gateway", "viewer"):
        pki.issue(own_certs, kind, "x", now=now)
    (own_certs / "note.txt").write_text("mine")
    before = contents(own_certs)
    pki.init(own_certs, now=now, force=True)
    after = contents(own_certs)
    assert {*before} - {*after} == {
        f"{folder}/x.{ending}"
        for folder in ("devices", "gateways", "viewers")
        for ending in ("crt", "key")
    }
    assert {name for name in after if after[name] == before[name]} == {"note.txt", ".gitignore"}


@pytest.mark.spec("CERT-18")
@pytest.mark.parametrize("force", [False, True])
def test_a_directory_with_other_files_is_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(pki.CertificatesError, match="holds other files"):
        pki.init(tmp_path, now=NOW, force=force)
    assert contents(tmp_path) == {"thesis.tex": b"mine"}
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.spec("CERT-18")
def test_a_file_in_the_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("")
    with pytest.raises(pki.CertificatesError, match=r"certs cannot be used: Not a directory"):
        pki.init(tmp_path / "certs", now=NOW)


@pytest.mark.spec("CERT-19")
@pytest.mark.parametrize(
    ("kind", "hours_max"), [("device", 168), ("gateway", 168), ("viewer", 8), ("server", 2160)]
)
def test_a_certificate_lives_as_long_as_its_profile_allows_and_no_longer(
    own_certs: Path, now: float, kind: str, hours_max: float
) -> None:
    longest = certificate(pki.issue(own_certs, kind, "x", now=now))
    assert life_s(longest) == hours_max * HOUR_S
    short = certificate(pki.issue(own_certs, kind, "x", now=now, lifetime_s=1800))
    assert life_s(short) == 1800
    for lifetime_s in (hours_max * HOUR_S + 1, 60, 0, -1, float("nan"), float("inf")):
        with pytest.raises(pki.OutsideProfile, match=f"to {hours_max} h"):
            pki.issue(own_certs, kind, "x", now=now, lifetime_s=lifetime_s)


@pytest.mark.spec("CERT-19")
def test_a_certificate_ends_with_its_authority_at_the_latest(own_certs: Path, now: float) -> None:
    ca_end = certificate(own_certs / "device-ca.crt").not_valid_after_utc
    late = ca_end.timestamp() - DAY_S
    last = certificate(pki.issue(own_certs, "device", "bed-1", now=late))
    assert last.not_valid_after_utc == ca_end
    with pytest.raises(pki.CertificatesError, match=r"device-ca expired .*init --force"):
        pki.issue(own_certs, "device", "bed-1", now=late + DAY_S)


@pytest.mark.spec("CERT-20")
@pytest.mark.parametrize("kind", ["device", "gateway", "viewer", "server"])
@pytest.mark.parametrize("subject_id", ["", "../x", "a/b", ".hidden", "-x", "a b", "ä", 64 * "x"])
def test_an_id_that_is_none_is_refused_and_touches_no_file(
    certs: Path, now: float, kind: str, subject_id: str
) -> None:
    before = contents(certs.parent)
    with pytest.raises(pki.OutsideProfile, match=f"is not a {kind} id"):
        pki.issue(certs, kind, subject_id, now=now)
    assert contents(certs.parent) == before


@pytest.mark.spec("CERT-20")
@pytest.mark.parametrize(
    "realm",
    [
        pki.Realm(trust_domain="RPM.local"),
        pki.Realm(trust_domain="rpm.local/x"),
        pki.Realm(trust_domain=""),
        pki.Realm(tenant="a/b"),
        pki.Realm(tenant=""),
    ],
)
def test_a_trust_domain_or_tenant_that_fits_no_uri_is_refused(
    tmp_path: Path, realm: pki.Realm
) -> None:
    with pytest.raises(pki.OutsideProfile):
        pki.init(tmp_path / "certs", now=NOW, realm=realm)


@pytest.mark.spec("CERT-21")
def test_peers_belong_to_the_trust_domain_and_tenant_of_their_server(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    pki.init(certs, now=NOW, realm=pki.Realm("ward.example", "north"))
    file = pki.issue(certs, "device", "bed-1", now=NOW)
    assert uris_of(certificate(file)) == ["spiffe://ward.example/t/north/device/bed-1"]
    assert pki.load_checker(certs).check(file.read_bytes(), NOW).tenant == "north"


@pytest.mark.spec("CERT-21")
def test_a_renewed_server_keeps_its_hosts(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    pki.init(certs, now=NOW, hosts=["ward.example"])
    before = authority.read_server(certs)
    pki.issue(certs, "server", "main", now=NOW, hosts=["192.0.2.7"])
    after = authority.read_server(certs)
    assert {*before.hosts} < {*after.hosts}
    assert len(after.hosts) == len(before.hosts) + 1


def test_without_the_authoritys_key_nothing_is_issued(own_certs: Path, now: float) -> None:
    (own_certs / "user-ca.key").unlink()
    pki.issue(own_certs, "device", "bed-1", now=now)
    with pytest.raises(pki.CertificatesMissing, match="does not hold the user-ca and its key"):
        pki.issue(own_certs, "viewer", "nurse-7", now=now)


def test_issuing_where_nothing_is_says_to_run_init(tmp_path: Path, now: float) -> None:
    with pytest.raises(pki.CertificatesMissing, match="rpm-service certs init --certs"):
        pki.issue(tmp_path / "none", "device", "bed-1", now=now)
    with pytest.raises(pki.CertificatesMissing, match="rpm-service certs init --certs"):
        pki.issue(tmp_path, "device", "bed-1", now=now)


@pytest.mark.spec("CERT-22")
def test_a_certificate_is_never_read_beside_the_key_of_another(own_certs: Path, now: float) -> None:
    pki.issue(own_certs, "device", "bed-1", now=now)
    before = {*contents(own_certs)}

    def renew(_: int) -> None:
        pki.issue(own_certs, "device", "bed-1", now=now)

    def load(_: int) -> None:
        pki.load_client(own_certs, Role.DEVICE, "bed-1", now=now)

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(act, number) for number in range(40) for act in (renew, load)]
        for one in work:
            one.result()
    assert {*contents(own_certs)} == before, "a temporary file was left"


def test_the_authoritys_certificates_are_what_the_tests_sign_with(certs: Path) -> None:
    ca = signer(certs, "device-ca")
    assert ca.key.public_key() == ca.certificate.public_key()
