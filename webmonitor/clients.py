"""Who is calling."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

# What a provider gives to one customer: whoever has one address of it has them all.
IPV6_CUSTOMER_PREFIX = 64


def client_address(request: HttpRequest) -> str | None:
    """The address that login attempts are counted by; None where there is none, as on a Unix socket.

    `X-Forwarded-For` is believed only as far as our own proxies wrote it: with `TRUSTED_PROXIES` of them,
    the entry that many places from the right. Whatever a client puts in front of it changes nothing. An IPv6
    address stands for its /64 network, or else a lock would be shaken off with the next address.
    """
    proxies: int = settings.TRUSTED_PROXIES
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    given = hops[-proxies] if proxies and len(hops) >= proxies else ""
    return _counted(given) or _counted(str(request.META.get("REMOTE_ADDR", "")))


def _counted(text: str) -> str | None:
    """The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; some proxies add a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), IPV6_CUSTOMER_PREFIX), strict=False).network_address)
