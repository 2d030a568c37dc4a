"""The directory in which certificates and private keys lie: layout, reading and writing."""

import fcntl
import os
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rpm_service.adapters.pki.signing import PrivateKey

DEFAULT_DIRECTORY = Path("certs/dev")

ROOT = "root"
SERVER = "server"
CLIENTS_TRUST = "clients-ca.crt"
"""What a server trusts for clients: the issuing authorities themselves, not the root."""
SERVER_TRUST = "server-trust.crt"
"""What clients trust for the server: the root."""

FILE_BYTES_MAX = 65_536


class CertificatesError(Exception):
    """Certificates or keys cannot be used or made; one line says why and what to do."""


class CertificatesMissing(CertificatesError):
    """A certificate is not there, has expired, or is not that of its key; it can be issued."""


class OutsideProfile(CertificatesError):
    """What was asked for is not what the profile lets a certificate say."""


def command(directory: Path, *words: str) -> str:
    """Return the `rpm-service certs` command line for `directory`, to be shown to a person."""
    where = () if directory == DEFAULT_DIRECTORY else ("--certs", str(directory))
    return f"`{shlex.join(['rpm-service', 'certs', *words, *where])}`"


def utc(instant: float) -> str:
    """Write Unix seconds as a person reads them."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@contextmanager
def locked(directory: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the directory's lock, so that a certificate is never read beside another's key."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise not_set_up(directory) from None
    except OSError as error:
        raise unusable(directory, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def make_directory(path: Path) -> None:
    """Make a directory that only its owner may enter, or shut the one that is there."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise unusable(path, error) from error


def write(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one is never readable by others."""
    assert len(data) <= FILE_BYTES_MAX
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(handle, 0o600 if private else 0o644)
                file.write(data)
                file.flush()
                os.fsync(handle)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise unusable(path, error) from error


def read(path: Path, *, private: bool = False) -> bytes:
    """Read a file; refuse a private one that others than its owner may read or write.

    Raises FileNotFoundError when it is not there and CertificatesError when it cannot be used.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if private and mode & 0o077:
                raise CertificatesError(
                    f"{path} is open to other users (mode {mode:04o}): issue it anew, "
                    f"or run `chmod 600 {shlex.quote(str(path))}` if nobody can have read it"
                )
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unusable(path, error) from error
    if len(data) > FILE_BYTES_MAX:
        raise CertificatesError(f"{path} is larger than {FILE_BYTES_MAX} bytes")
    return data


def read_certificate(path: Path) -> x509.Certificate:
    """Read the first certificate of a file; raises as `read` does."""
    try:
        return x509.load_pem_x509_certificate(read(path))
    except ValueError as error:
        raise CertificatesError(f"{path} is not a certificate in PEM form") from error


def read_key(path: Path) -> PrivateKey:
    """Read a private key; raises as `read` does."""
    data = read(path, private=True)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise CertificatesError(f"{path} is not a private key in PEM form") from error
    if not isinstance(key, PrivateKey):
        raise CertificatesError(f"{path} is neither an EC nor an RSA key")
    return key


def unusable(path: Path, error: OSError) -> CertificatesError:
    """Word an operating system's refusal as one line."""
    return CertificatesError(f"{path} cannot be used: {error.strerror}")


def not_set_up(directory: Path) -> CertificatesMissing:
    """Say that there are no certificates at all, and how to make them."""
    return CertificatesMissing(f"no certificates in {directory}: run {command(directory, 'init')}")
