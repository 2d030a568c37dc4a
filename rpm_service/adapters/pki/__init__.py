"""Certificates: who may speak, how they are made, and how they are checked."""

from rpm_service.adapters.pki.authority import init, issue
from rpm_service.adapters.pki.credentials import (
    ClientCredentials,
    ServerCredentials,
    ensure_client,
    ensure_server,
    load_checker,
    load_client,
    load_server,
)
from rpm_service.adapters.pki.directory import (
    DEFAULT_DIRECTORY,
    CertificatesError,
    CertificatesMissing,
    OutsideProfile,
)
from rpm_service.adapters.pki.inventory import Listed, list_certificates
from rpm_service.adapters.pki.profiles import Profile, ProfileChecker, Realm, load_profiles
from rpm_service.application.identity import CertificateRefused, Identity, Role

__all__ = [
    "DEFAULT_DIRECTORY",
    "CertificateRefused",
    "CertificatesError",
    "CertificatesMissing",
    "ClientCredentials",
    "Identity",
    "Listed",
    "OutsideProfile",
    "Profile",
    "ProfileChecker",
    "Realm",
    "Role",
    "ServerCredentials",
    "ensure_client",
    "ensure_server",
    "init",
    "issue",
    "list_certificates",
    "load_checker",
    "load_client",
    "load_profiles",
    "load_server",
]
