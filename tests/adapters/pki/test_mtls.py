"""Which certificates TLS refuses by itself, and which only our own check does."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from grpc.experimental import session_cache

from rpm_service.adapters import pki
from rpm_service.application.identity import CertificateRefused, Role
from tests.adapters.pki.forgery import BED_1, HOUR_S, SERVER, Forged, forge, signer

METHOD = "/test.Probe/WhoAmI"
DEADLINE_S = 10.0


@dataclass
class Door:
    """A server that answers who the peer is, by our check, at a time that the test sets."""

    checker: pki.ProfileChecker
    now: float
    port: int = 0
    resumed: list[bool] = field(default_factory=list)

    async def who(self, _request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        peer = context.auth_context()
        self.resumed.append(peer["ssl_session_reused"] == [b"true"])
        try:
            identity = self.checker.check(peer["x509_pem_cert"][0], self.now)
        except CertificateRefused as refused:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, refused.reason)
        return f"{identity.role}/{identity.id}".encode()


async def listen(door: Door, certs: Path) -> grpc.aio.Server:
    own = pki.load_server(certs)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = grpc.unary_unary_rpc_method_handler(door.who)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Probe", {"WhoAmI": handler}),)
    )
    door.port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials(
            [(own.key_pem, own.chain_pem)], own.client_trust_pem, require_client_auth=True
        ),
    )
    await server.start()
    return server


@pytest.fixture
async def door(certs: Path, checker: pki.ProfileChecker) -> AsyncIterator[Door]:
    door = Door(checker, time.time())
    server = await listen(door, certs)
    yield door
    await server.stop(None)


async def call(
    door: Door, credentials: grpc.ChannelCredentials, *options: tuple[str, object]
) -> str:
    """Return what the server says the peer is, or `TLS`, or the reason of our check."""
    arguments = [("grpc.use_local_subchannel_pool", 1), *options]
    async with grpc.aio.secure_channel(f"127.0.0.1:{door.port}", credentials, arguments) as channel:
        try:
            reply: bytes = await channel.unary_unary(METHOD)(b"", timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return "TLS"
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return str(error.details())
            raise
        return reply.decode()


def present(certs: Path, forged: Forged, *chain: Forged) -> grpc.ChannelCredentials:
    pem = b"".join(one.pem for one in (forged, *chain))
    return grpc.ssl_channel_credentials(
        (certs / "server-trust.crt").read_bytes(), forged.key_pem, pem
    )


@pytest.mark.spec("CERT-1")
@pytest.mark.parametrize(
    ("role", "subject_id", "answer"),
    [
        (Role.DEVICE, "bed-1", "device/bed-1"),
        (Role.GATEWAY, "ward-3", "gateway/ward-3"),
        (Role.USER, "nurse-7", "user/nurse-7"),
    ],
)
async def test_what_we_issue_is_let_in(
    door: Door, certs: Path, role: Role, subject_id: str, answer: str
) -> None:
    own = pki.ensure_client(certs, role, subject_id)
    credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
    assert await call(door, credentials) == answer


def by_tls(certs: Path, now: float) -> dict[str, tuple[Forged, ...]]:
    device_ca = signer(certs, "device-ca")
    other_ca = forge(None, now, uris=(), ca=True)
    honest = forge(device_ca, now, name="bed-0")
    return {
        "self-signed": (forge(None, now),),
        "another authority": (forge(other_ca, now), other_ca),
        "another key under the right name": (
            forge(other_ca, now, issuer_name=device_ca.certificate.subject),
        ),
        "expired": (forge(device_ca, now, age_s=HOUR_S, lifetime_s=HOUR_S - 60),),
        "not yet valid": (forge(device_ca, now, age_s=-HOUR_S),),
        "for servers only": (forge(device_ca, now, usages=(SERVER,)),),
        "signed by a peer": (forge(honest, now), honest),
        "no name at all": (forge(device_ca, now, uris=()),),
        "another trust domain": (forge(device_ca, now, uris=[BED_1.replace("rpm", "evil")]),),
        "a P-521 key": (forge(device_ca, now, key=ec.generate_private_key(ec.SECP521R1())),),
        "an Ed25519 key": (forge(device_ca, now, key=ed25519.Ed25519PrivateKey.generate()),),
    }


TLS_CASES = [
    "self-signed",
    "another authority",
    "another key under the right name",
    "expired",
    "not yet valid",
    "for servers only",
    "signed by a peer",
    "no name at all",
    "another trust domain",
    "a P-521 key",
    "an Ed25519 key",
]


@pytest.mark.spec("CERT-13")
@pytest.mark.parametrize("case", TLS_CASES)
async def test_tls_itself_refuses(door: Door, certs: Path, now: float, case: str) -> None:
    cases = by_tls(certs, now)
    assert list(cases) == TLS_CASES
    assert await call(door, present(certs, *cases[case])) == "TLS"
    assert door.resumed == [], "a call arrived"


@pytest.mark.spec("CERT-13")
async def test_tls_itself_refuses_a_peer_without_a_certificate(door: Door, certs: Path) -> None:
    trust = (certs / "server-trust.crt").read_bytes()
    assert await call(door, grpc.ssl_channel_credentials(trust)) == "TLS"


@pytest.mark.spec("CERT-13")
async def test_nothing_is_said_in_plain_text(door: Door) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{door.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(METHOD)(b"", timeout=DEADLINE_S)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


CHECK_CASES = [
    (
        "names no URIs",
        {"uris": (), "extra": [x509.SubjectAlternativeName([x509.DNSName("bed-1")])]},
    ),
    ("names 2 URIs", {"uris": (BED_1, BED_1.replace("device", "gateway"))}),
    ("not for clientAuth alone", {"usages": ()}),
    ("not the URI of a device", {"uris": (BED_1 + "%00",)}),
    ("not the URI of a device", {"uris": (BED_1 + "/x",)}),
    ("not of tenant default", {"uris": (BED_1.replace("default", "other"),)}),
    ("not signed by the user-ca", {"uris": (BED_1.replace("device", "user"),)}),
    ("its key is neither", {"key": rsa.generate_private_key(65537, 1024)}),
    ("lives longer than the 168 h", {"lifetime_s": 169 * HOUR_S}),
    ("the certificate of an authority", {"ca": True}),
]


@pytest.mark.spec("CERT-14")
@pytest.mark.parametrize(("reason", "deviation"), CHECK_CASES)
async def test_tls_lets_through_and_our_check_refuses(
    door: Door, certs: Path, now: float, reason: str, deviation: dict[str, object]
) -> None:
    forged = forge(signer(certs, "device-ca"), now, **deviation)
    assert reason in await call(door, present(certs, forged))


@pytest.mark.spec("CERT-14")
async def test_tls_does_not_count_the_authorities_below_one_that_it_trusts(
    door: Door, certs: Path, now: float
) -> None:
    below = forge(signer(certs, "device-ca"), now, uris=(), usages=(), ca=True)
    credentials = present(certs, forge(below, now), below)
    assert await call(door, credentials) == "not signed by the device-ca"


@pytest.mark.spec("CERT-14")
async def test_under_an_authority_without_constraints_even_no_name_passes_tls(
    own_certs: Path, now: float
) -> None:
    plain_ca = forge(None, now, uris=(), usages=(), ca=True)
    for name in ("clients-ca.crt", "device-ca.crt"):
        (own_certs / name).write_bytes(plain_ca.pem)
    door = Door(pki.load_checker(own_certs), now)
    server = await listen(door, own_certs)
    try:
        forged = forge(plain_ca, now, uris=())
        assert "names no URIs" in await call(door, present(own_certs, forged))
    finally:
        await server.stop(None)


@pytest.mark.spec("CERT-8")
async def test_a_resumed_session_is_refused_after_the_end_of_its_certificate(
    door: Door, certs: Path
) -> None:
    own = pki.ensure_client(certs, Role.DEVICE, "bed-2")
    credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
    options = (
        ("grpc.ssl_session_cache", session_cache.ssl_session_cache_lru(4)),
        # The cache goes by name, and an address is none.
        ("grpc.ssl_target_name_override", "localhost"),
    )
    assert await call(door, credentials, *options) == "device/bed-2"
    assert await call(door, credentials, *options) == "device/bed-2"
    door.now += 400 * 24 * HOUR_S
    assert "expired" in await call(door, credentials, *options)
    assert door.resumed == [False, True, True]


@pytest.mark.spec("CERT-15")
async def test_a_server_certificate_that_the_device_ca_signed_convinces_no_client(
    own_certs: Path, now: float
) -> None:
    certs = own_certs
    own = pki.ensure_client(certs, Role.DEVICE, "bed-1")
    honest = x509.load_pem_x509_certificate((certs / "server.crt").read_bytes())
    names = honest.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    device_ca = signer(certs, "device-ca")
    forged = forge(device_ca, now, uris=(), usages=(SERVER,), extra=[names])
    (certs / "server.crt").write_bytes(forged.pem + device_ca.pem)
    (certs / "server.key").write_bytes(forged.key_pem)
    door = Door(pki.load_checker(certs), now)
    server = await listen(door, certs)
    try:
        credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
        assert await call(door, credentials) == "TLS"
    finally:
        await server.stop(None)
