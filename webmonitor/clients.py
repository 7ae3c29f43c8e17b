"""Who is calling."""

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that login attempts are counted by.

    `X-Forwarded-For` is believed only as far as our own proxies wrote it: with `TRUSTED_PROXIES` of them,
    the entry that many places from the right. Whatever a client puts in front of it changes nothing.
    """
    proxies: int = settings.TRUSTED_PROXIES
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if proxies and len(hops) >= proxies:
        return hops[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
