"""System checks of the configuration: settings that are well-formed one by one and wrong together.

https://docs.djangoproject.com/en/5.2/topics/checks/
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags

SECRET_KEY_MIN_LENGTH = 32
# Addresses and names under which only this machine reaches itself.
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


def register() -> None:
    checks.register(check_secrets, Tags.security)
    checks.register(check_reachability, Tags.security)
    # Only under --deploy: a container listens everywhere, and its port may be published to this machine alone.
    checks.register(check_allowed_hosts, Tags.security, deploy=True)
    checks.register(check_processes, Tags.compatibility)
    checks.register(check_probing, Tags.security)
    checks.register(check_link_local, Tags.security)


def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SECRET_KEY_MIN_LENGTH:
        found.append(
            Error(
                f"SECRET_KEY is shorter than {SECRET_KEY_MIN_LENGTH} characters: sessions could be forged.",
                hint="Leave SECRET_KEY unset, and a random one is made and kept in DATA_DIR.",
                id="webmonitor.E001",
            )
        )
    served = Path(settings.STATIC_ROOT).resolve()
    if Path(settings.DATA_DIR).resolve().is_relative_to(served):
        found.append(
            Error(
                f"DATA_DIR lies in {served}, whose files everybody can download.",
                hint="Move DATA_DIR to a folder of its own.",
                id="webmonitor.E002",
            )
        )
    if Path(settings.DATA_DIR).stat().st_mode & 0o077:
        found.append(
            checks.Warning(
                f"DATA_DIR {settings.DATA_DIR} is open to other users of this machine.",
                hint=f"chmod 700 {settings.DATA_DIR}",
                id="webmonitor.W001",
            )
        )
    return found


def check_reachability(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DEBUG and settings.HOST not in LOCAL_NAMES:
        found.append(
            checks.Warning(
                f"DEBUG is on while others reach the monitor at {settings.HOST}: they see its code and settings.",
                hint="Remove DEBUG.",
                id="webmonitor.W002",
            )
        )
    if settings.HTTPS_ONLY and not settings.TRUSTED_PROXIES:
        found.append(
            checks.Warning(
                "HTTPS_ONLY is set without TRUSTED_PROXIES: X-Forwarded-Proto is not believed, "
                "so that every request is redirected to itself.",
                hint="Set TRUSTED_PROXIES to the number of your reverse proxies, usually 1.",
                id="webmonitor.W004",
            )
        )
    return found


def check_allowed_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.HOST in LOCAL_NAMES or not LOCAL_NAMES.issuperset(settings.ALLOWED_HOSTS):
        return []
    return [
        checks.Warning(
            f"The web server listens on {settings.HOST}, but ALLOWED_HOSTS names only this machine: "
            "everybody else gets 400 Bad Request.",
            hint="Set ALLOWED_HOSTS to the names and addresses that people type.",
            id="webmonitor.W003",
        )
    ]


def check_processes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMBEDDED_BROKER or not settings.IS_SQLITE:
        return []
    return [
        checks.Warning(
            "REDIS_URL is set without DATABASE_URL: with SQLite, all processes must share one machine's disk.",
            hint="Set DATABASE_URL to a PostgreSQL database, or remove REDIS_URL.",
            id="webmonitor.W005",
        )
    ]


def check_probing(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    everything = [str(network) for network in settings.PROBE_ALLOWED_NETWORKS if network.prefixlen == 0]
    if not everything:
        return []
    return [
        checks.Warning(
            f"PROBE_ALLOWED_NETWORKS contains {', '.join(everything)}: "
            "whoever adds websites can reach every internal address.",
            hint="Name the networks that hold the websites to watch.",
            id="webmonitor.W006",
        )
    ]


def check_link_local(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Link-local addresses, the clouds' metadata services among them, are opened one by one only."""
    wide = [
        str(network)
        for network in settings.PROBE_ALLOWED_NETWORKS
        if network.is_link_local and network.num_addresses > 1
    ]
    if not wide:
        return []
    return [
        checks.Warning(
            f"PROBE_ALLOWED_NETWORKS contains {', '.join(wide)}, which opens nothing: "
            "link-local addresses must be named one by one.",
            hint="Name the address exactly, for example 169.254.10.20/32.",
            id="webmonitor.W007",
        )
    ]
