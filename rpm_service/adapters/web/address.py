"""Where the page is: host and port as a person types them, and as a browser names them."""

import ipaddress
from collections.abc import Iterable
from typing import Final

PORT_MAX: Final = 65_535
HTTPS_PORT: Final = 443


def parse_address(text: str) -> tuple[str, int]:
    """Splits HOST:PORT; an IPv6 host stands in brackets. Raises ValueError with one line."""
    host, colon, digits = text.rpartition(":")
    port = int(digits) if digits.isascii() and digits.isdecimal() else -1
    if not colon or not host or not 0 <= port <= PORT_MAX:
        raise ValueError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8443")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, such as [::1]:8443")
    return host, port


def base_url(host: str, port: int) -> str:
    """What a browser on this machine opens, which is also the origin of the page."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        host = host.lower()
    else:
        if address.is_unspecified:
            host = "localhost"
        elif address.version == 6:
            host = f"[{address}]"
    # A browser leaves out the default port, and compares origins as strings.
    return f"https://{host}" if port == HTTPS_PORT else f"https://{host}:{port}"


def origins(names: Iterable[str], port: int) -> frozenset[str]:
    """The origins of the page: one for each name or address of the server's certificate."""
    return frozenset(base_url(name, port) for name in names)


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in a URL without its port, is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
