import time
from pathlib import Path

import pytest

from rpm_service.adapters import pki
from rpm_service.sdk import Credentials, CredentialsUnusable
from tests.sdk.conftest import DEVICE


def test_a_key_shows_in_no_message(credentials: Credentials) -> None:
    assert "PRIVATE" not in repr(credentials)


@pytest.mark.spec("SDK-17")
def test_a_certificate_that_is_not_there_is_named(certs: Path) -> None:
    with pytest.raises(CredentialsUnusable, match=r"oximeter-2\.key: No such file"):
        Credentials.from_directory(certs, "oximeter-2")


@pytest.mark.spec("SDK-17")
def test_a_key_that_others_can_read_is_not_used(certs: Path, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    key.write_bytes((certs / "devices" / f"{DEVICE}.key").read_bytes())
    key.chmod(0o640)
    with pytest.raises(CredentialsUnusable, match="chmod 600"):
        Credentials.from_files(key, certs / "devices" / f"{DEVICE}.crt", certs / "server-trust.crt")


@pytest.mark.spec("SDK-17")
def test_a_key_of_another_certificate_is_not_used(certs: Path, credentials: Credentials) -> None:
    pki.issue(certs, "device", "other-1", now=time.time())
    other = Credentials.from_directory(certs, "other-1")
    with pytest.raises(CredentialsUnusable, match="not that of the certificate"):
        Credentials.from_pem(other.key_pem, credentials.chain_pem, credentials.trust_pem)


@pytest.mark.spec("SDK-17")
def test_an_expired_certificate_is_not_used(certs: Path) -> None:
    pki.issue(certs, "device", "old-1", now=time.time() - 3600, lifetime_s=1800)
    with pytest.raises(CredentialsUnusable, match=r"old-1\.crt: the certificate expired"):
        Credentials.from_directory(certs, "old-1")


@pytest.mark.spec("SDK-17")
def test_what_is_not_a_key_at_all_is_said_so(credentials: Credentials) -> None:
    with pytest.raises(CredentialsUnusable, match="not a usable key"):
        Credentials.from_pem(b"no key", credentials.chain_pem, credentials.trust_pem)
