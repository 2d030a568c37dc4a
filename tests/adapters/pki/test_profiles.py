import base64
import math
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.adapters.pki import profiles
from rpm_service.adapters.pki.directory import CertificatesError
from rpm_service.adapters.pki.profiles import ProfileChecker, Realm, load_profiles
from rpm_service.application.identity import CertificateRefused, Identity, Role
from tests.adapters.pki.forgery import BED_1, CLIENT, HOUR_S, SERVER, Forged, forge

NOW = 1_900_000_000.0
DEVICE = "spiffe://rpm.local/t/default/device/"
AUTHORITY = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.fixture(scope="module")
def device_ca() -> Forged:
    return forge(None, NOW, uris=(), ca=True, age_s=HOUR_S, lifetime_s=2000 * HOUR_S)


@pytest.fixture(scope="module")
def user_ca() -> Forged:
    return forge(None, NOW, uris=(), ca=True, age_s=HOUR_S, lifetime_s=2000 * HOUR_S)


@pytest.fixture(scope="module")
def honest_der(device_ca: Forged) -> bytes:
    return forge(device_ca, NOW).certificate.public_bytes(Encoding.DER)


@pytest.fixture
def checker(device_ca: Forged, user_ca: Forged) -> ProfileChecker:
    issuers = {"device-ca": device_ca.certificate, "user-ca": user_ca.certificate}
    return ProfileChecker(load_profiles().values(), issuers, Realm())


def refusal(checker: ProfileChecker, forged: Forged, now: float = NOW) -> str:
    with pytest.raises(CertificateRefused) as caught:
        checker.check(forged.pem, now)
    assert "\n" not in caught.value.reason
    return caught.value.reason


@pytest.mark.spec("CERT-1")
@pytest.mark.parametrize(
    ("path", "role", "subject_id"),
    [
        ("device/bed-1", Role.DEVICE, "bed-1"),
        ("gateway/ward.3_A", Role.GATEWAY, "ward.3_A"),
        ("device/" + 63 * "x", Role.DEVICE, 63 * "x"),
    ],
)
def test_a_certificate_that_fits_its_profile_says_who_it_is(
    checker: ProfileChecker, device_ca: Forged, path: str, role: Role, subject_id: str
) -> None:
    forged = forge(device_ca, NOW, uris=[f"spiffe://rpm.local/t/default/{path}"])
    assert checker.check(forged.pem, NOW) == Identity(
        role=role,
        id=subject_id,
        tenant="default",
        fingerprint=forged.certificate.fingerprint(SHA256()).hex(),
        not_after=NOW - 60 + HOUR_S,
    )


@pytest.mark.spec("CERT-1")
def test_a_viewer_is_a_user_of_the_user_ca(checker: ProfileChecker, user_ca: Forged) -> None:
    forged = forge(user_ca, NOW, uris=["spiffe://rpm.local/t/default/user/nurse-7"])
    identity = checker.check(forged.pem, NOW)
    assert (identity.role, identity.id) == (Role.USER, "nurse-7")


@pytest.mark.spec("CERT-2")
def test_a_certificate_without_a_uri_is_refused(checker: ProfileChecker, device_ca: Forged) -> None:
    assert refusal(checker, forge(device_ca, NOW, uris=())) == "names no URIs, not exactly one"


@pytest.mark.spec("CERT-2")
def test_the_common_name_stands_in_for_nothing(checker: ProfileChecker, device_ca: Forged) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("bed-1")])
    forged = forge(device_ca, NOW, uris=(), extra=[names])
    assert "bed-1" in forged.certificate.subject.rfc4514_string()
    assert "no URIs" in refusal(checker, forged)


@pytest.mark.spec("CERT-2")
@pytest.mark.parametrize("other", [BED_1, DEVICE + "bed-2"])
def test_two_uris_are_refused_even_if_they_are_the_same(
    checker: ProfileChecker, device_ca: Forged, other: str
) -> None:
    forged = forge(device_ca, NOW, uris=[BED_1, other])
    assert refusal(checker, forged) == "names 2 URIs, not exactly one"


@pytest.mark.spec("CERT-3")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        (DEVICE + "bed-1%00", "not the URI of"),
        (DEVICE + "bed%2D1", "not the URI of"),
        (DEVICE + "bed-1/x", "not the URI of"),
        (DEVICE + "bed-1?x", "not the URI of"),
        (DEVICE + "bed-1#x", "not the URI of"),
        (DEVICE, "not the URI of"),
        (DEVICE + "bed-1/", "not the URI of"),
        ("spiffe://rpm.local/t/default/node/a", "not the URI of"),
        ("spiffe://rpm.local/t/default/server/main", "not the URI of"),
        ("spiffe://rpm.local/device/bed-1", "not the URI of"),
        ("spiffe://rpm.local", "not the URI of"),
        ("SPIFFE://rpm.local/t/default/device/bed-1", "not the URI of"),
        ("https://rpm.local/t/default/device/bed-1", "not the URI of"),
        ("spiffe:rpm.local/t/default/device/bed-1", "not the URI of"),
        ("", "not the URI of"),
        ("spiffe://evil.example/t/default/device/bed-1", "not in trust domain rpm.local"),
        ("spiffe://rpm.local.evil/t/default/device/bed-1", "not in trust domain rpm.local"),
        ("spiffe://RPM.local/t/default/device/bed-1", "not in trust domain rpm.local"),
        ("spiffe://rpm.local:443/t/default/device/bed-1", "not in trust domain rpm.local"),
        ("spiffe://u@rpm.local/t/default/device/bed-1", "not in trust domain rpm.local"),
        ("spiffe://rpm.local/t/other/device/bed-1", "not of tenant default"),
        (DEVICE + "-bed", "does not end in a valid id"),
        (DEVICE + ".", "does not end in a valid id"),
        (DEVICE + "..", "does not end in a valid id"),
        (DEVICE + "bed 1", "does not end in a valid id"),
        (DEVICE + "bed-1\n", "does not end in a valid id"),
        (DEVICE + "bed-1\x00", "does not end in a valid id"),
        (DEVICE + 64 * "x", "does not end in a valid id"),
        (DEVICE + 256 * "x", "longer than 255"),
        ("spiffe://" + 9000 * "x", "not the URI of"),
    ],
)
def test_a_malformed_uri_is_refused(
    checker: ProfileChecker, device_ca: Forged, uri: str, reason: str
) -> None:
    found = refusal(checker, forge(device_ca, NOW, uris=[uri]))
    assert reason in found
    assert len(found) < 400


@pytest.mark.spec("CERT-4")
@pytest.mark.parametrize(
    "usages",
    [(), (SERVER,), (CLIENT, SERVER), (CLIENT, CLIENT), (x509.ObjectIdentifier("2.5.29.37.0"),)],
)
def test_any_extended_key_usage_but_client_auth_alone_is_refused(
    checker: ProfileChecker, device_ca: Forged, usages: tuple[x509.ObjectIdentifier, ...]
) -> None:
    forged = forge(device_ca, NOW, usages=usages)
    assert refusal(checker, forged) == "not for clientAuth alone"


@pytest.mark.spec("CERT-5")
@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RSA-1024", "P-224", "secp256k1", "P-521", "Ed25519"],
)
def test_a_weak_or_unusual_key_is_refused(
    checker: ProfileChecker, device_ca: Forged, key: ec.EllipticCurvePrivateKey
) -> None:
    forged = forge(device_ca, NOW, key=key)
    assert (
        refusal(checker, forged)
        == "its key is neither P-256 nor P-384 nor RSA of at least 2048 bits"
    )


@pytest.mark.spec("CERT-5")
@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())],
    ids=["RSA-2048", "P-384"],
)
def test_the_other_allowed_keys_are_accepted(
    checker: ProfileChecker, device_ca: Forged, key: ec.EllipticCurvePrivateKey
) -> None:
    assert checker.check(forge(device_ca, NOW, key=key).pem, NOW).id == "bed-1"


@pytest.mark.spec("CERT-6")
def test_a_life_longer_than_the_roles_maximum_is_refused(
    checker: ProfileChecker, device_ca: Forged, user_ca: Forged
) -> None:
    nurse = ["spiffe://rpm.local/t/default/user/nurse-7"]
    longest = forge(device_ca, NOW, lifetime_s=168 * HOUR_S)
    assert checker.check(longest.pem, NOW).id == "bed-1"
    assert "the 168 h of a device" in refusal(
        checker, forge(device_ca, NOW, lifetime_s=168 * HOUR_S + 1)
    )
    assert "the 8 h of a viewer" in refusal(
        checker, forge(user_ca, NOW, uris=nurse, lifetime_s=8 * HOUR_S + 1)
    )


@pytest.mark.spec("CERT-7")
def test_each_role_has_its_own_authority(
    checker: ProfileChecker, device_ca: Forged, user_ca: Forged
) -> None:
    nurse = ["spiffe://rpm.local/t/default/user/nurse-7"]
    assert "the user-ca" in refusal(checker, forge(device_ca, NOW, uris=nurse))
    assert "the device-ca" in refusal(checker, forge(user_ca, NOW))


@pytest.mark.spec("CERT-7")
def test_an_authority_of_the_right_name_but_another_key_is_refused(
    checker: ProfileChecker, device_ca: Forged
) -> None:
    impostor = forge(None, NOW, uris=(), ca=True)
    forged = forge(impostor, NOW, issuer_name=device_ca.certificate.subject)
    assert refusal(checker, forged) == "not signed by the device-ca"


@pytest.mark.spec("CERT-8")
def test_a_certificate_is_in_time_from_its_first_to_its_last_second(
    checker: ProfileChecker, device_ca: Forged
) -> None:
    pem = forge(device_ca, NOW, age_s=0, lifetime_s=HOUR_S).pem
    checker.check(pem, NOW)
    checker.check(pem, NOW + HOUR_S)
    for instant, reason in [
        (NOW - 0.001, "not valid before 2030-03-17 17:46:40 UTC"),
        (NOW + HOUR_S + 0.001, "expired at 2030-03-17 18:46:40 UTC"),
        (math.nan, "not valid before 2030-03-17 17:46:40 UTC"),
    ]:
        with pytest.raises(CertificateRefused, match=reason):
            checker.check(pem, instant)


@pytest.mark.spec("CERT-8")
def test_an_identity_accepted_before_its_end_is_refused_after_it(
    checker: ProfileChecker, device_ca: Forged
) -> None:
    forged = forge(device_ca, NOW)
    identity = checker.check(forged.pem, NOW)
    assert checker.check(forged.pem, NOW) is identity, "the check is not remembered"
    assert "expired" in refusal(checker, forged, identity.not_after + 1)
    assert checker.check(forged.pem, NOW) is identity


@pytest.mark.spec("CERT-8")
def test_a_certificate_does_not_outlive_its_authority(user_ca: Forged) -> None:
    ca = forge(None, NOW, uris=(), ca=True, age_s=HOUR_S, lifetime_s=2 * HOUR_S)
    issuers = {"device-ca": ca.certificate, "user-ca": user_ca.certificate}
    checker = ProfileChecker(load_profiles().values(), issuers, Realm())
    forged = forge(ca, NOW, lifetime_s=5 * HOUR_S)
    assert checker.check(forged.pem, NOW).not_after == NOW + HOUR_S
    assert "expired" in refusal(checker, forged, NOW + HOUR_S + 1)


@pytest.mark.spec("CERT-9")
def test_the_certificate_of_an_authority_is_refused(
    checker: ProfileChecker, device_ca: Forged
) -> None:
    assert "of an authority" in refusal(checker, forge(device_ca, NOW, ca=True))
    assert "of an authority" in refusal(checker, forge(device_ca, NOW, extra=[AUTHORITY]))


@pytest.mark.spec("CERT-10")
@pytest.mark.parametrize("garbage", [b"", b"\x00", b"-----BEGIN CERTIFICATE-----", 20_000 * b"x"])
def test_garbage_is_refused(checker: ProfileChecker, garbage: bytes) -> None:
    with pytest.raises(CertificateRefused, match=r"not a readable certificate|larger than"):
        checker.check(garbage, NOW)


@pytest.mark.spec("CERT-10")
@settings(max_examples=200)
@given(data=st.data())
def test_a_certificate_with_one_byte_changed_is_refused_and_nothing_else(
    data: st.DataObject, device_ca: Forged, user_ca: Forged, honest_der: bytes
) -> None:
    """Save where the byte only writes the same signature otherwise: what is signed is the same."""
    der = bytearray(honest_der)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    issuers = {"device-ca": device_ca.certificate, "user-ca": user_ca.certificate}
    checker = ProfileChecker(load_profiles().values(), issuers, Realm())
    try:
        checker.check(_pem(bytes(der)), NOW)
    except CertificateRefused:
        return
    signed = x509.load_der_x509_certificate(honest_der).tbs_certificate_bytes
    assert x509.load_der_x509_certificate(bytes(der)).tbs_certificate_bytes == signed


@pytest.mark.spec("CERT-10")
@pytest.mark.filterwarnings("default")
def test_a_certificate_with_a_negative_serial_number_is_refused(
    checker: ProfileChecker, honest_der: bytes
) -> None:
    """Found by the test above; the library warns and reads on."""
    der = bytearray(honest_der)
    der[15] |= 0x80  # the first byte of the serial number
    with pytest.raises(CertificateRefused, match="not a readable certificate"):
        checker.check(_pem(bytes(der)), NOW)


@pytest.mark.spec("CERT-11")
def test_no_more_checks_are_remembered_than_the_maximum(
    checker: ProfileChecker, device_ca: Forged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "ACCEPTED_MAX", 2)
    first, *rest = [forge(device_ca, NOW).pem for _ in range(3)]
    identity = checker.check(first, NOW)
    for pem in rest:
        checker.check(pem, NOW)
    assert len(checker._accepted) == 2
    assert checker.check(first, NOW) == identity
    assert checker.check(first, NOW) is not identity
    assert len(checker._accepted) == 2


@pytest.mark.spec("CERT-12")
def test_what_a_certificate_may_say_is_read_from_the_files(
    tmp_path: Path, device_ca: Forged
) -> None:
    text = (profiles.PROFILES_DIRECTORY / "device.toml").read_text()
    text = text.replace("lifetime_hours_max = 168", "lifetime_hours_max = 0.5")
    (tmp_path / "device.toml").write_text(text)
    issuers = {"device-ca": device_ca.certificate}
    checker = ProfileChecker(load_profiles(tmp_path).values(), issuers, Realm())
    assert "the 0.5 h of a device" in refusal(checker, forge(device_ca, NOW))


@pytest.mark.spec("CERT-12")
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("issuer =", "isuer =", "isuer"),
        ("curves =", "# curves =", "'curves' is missing"),
        ('"clientAuth"', '"clientauth"', "unknown usage or curve clientauth"),
        ('"P-384"', '"P-521"', "unknown usage or curve P-521"),
        ("rsa_bits_min =", "rsa_bits_min ==", "line"),
        ('{0,62}"', '{0,62}("', "unterminated"),
    ],
)
def test_a_profile_with_a_mistake_is_refused_by_name(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = (profiles.PROFILES_DIRECTORY / "device.toml").read_text()
    assert old in text
    (tmp_path / "device.toml").write_text(text.replace(old, new))
    with pytest.raises(CertificatesError, match=f"device.toml.*{complaint}|{complaint}"):
        load_profiles(tmp_path)


def test_an_empty_directory_of_profiles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificatesError, match="holds 0 profiles"):
        load_profiles(tmp_path)


def _pem(der: bytes) -> bytes:
    body = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"
