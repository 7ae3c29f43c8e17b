"""Services that Apprise knows: chats, push messages, on-call tools.

Its URLs hold tokens and passwords, and so do its log and its errors: nothing of them is passed on but the scheme, the
service's name and an HTTP status.
"""

import re
import threading
import warnings
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError

from monitoring import watchlist
from monitoring.notifications.confinement import confined
from monitoring.notifications.deadlines import SHARE, Deadline
from monitoring.notifications.library_logs import keep_back, silence
from monitoring.notifications.messages import Message, Receipt, refusal, unanswered

# Apprise is imported where it is used: with all of its services it is large, and most processes need none.
if TYPE_CHECKING:
    from apprise import AppriseAsset, AppriseResult, NotifyBase

WHO = "The service"
URL_MAX_LENGTH = 2_000
SCHEME = re.compile(r"([a-z0-9]{1,32})://", re.IGNORECASE)
NEXT_URL = re.compile(r"[,;][a-z0-9]{1,32}://", re.IGNORECASE)
# Services' own URLs, as people copy them: Apprise knows some of them.
NATIVE_SCHEMES = ("http", "https")
# Modules of Apprise. What these send is any HTTP request to any host.
RAW_HTTP = ("custom_form", "custom_json", "custom_xml")
# These reach the desktop, the log, the devices or the files of the machine that the monitor runs on.
LOCAL = ("blink1", "dbus", "glib", "gnome", "macosx", "rsyslog", "syslog", "vapid", "windows")
# How Apprise's plugins tell in their log that a service was reached and refused, and that it was not reached.
STATUS = re.compile(r"error=([1-5]\d\d)\b")
NO_CONNECTION = re.compile(r"connection error occurr?ed", re.IGNORECASE)

silence("oauthlib", "requests_oauthlib", "urllib3")
# The words of a failure are read from it.
keep_back("apprise")
_loading = threading.Lock()


def check(url: str) -> None:
    """Raises `ValidationError`, in a sentence that holds nothing of the URL but its scheme."""
    _service(url)


def deliver(url: str, message: Message, seconds: float) -> Receipt:
    """Send the message to one service. Raises `ValidationError` where the URL is none that `check` accepts."""
    service = _service(url)
    from apprise import Apprise, NotifyFormat

    # What a URL may ask for besides: attempts are counted elsewhere, failures are no successes, and what redirects lead
    # to was never agreed to. The deadline holds for all of it.
    service.retry = 0
    service.optional = False
    service.redirects = False
    service.socket_connect_timeout = service.socket_read_timeout = seconds
    with Deadline(SHARE * seconds) as deadline, confined(deadline, watchlist.guard()) as confinement:
        result = Apprise(service, asset=service.asset).notify(
            body=message.text, title=message.title, body_format=NotifyFormat.TEXT
        )
        if deadline.is_over:  # an answer that was cut off in the middle may look like a good one
            return unanswered(WHO, seconds)
        if result:
            return Receipt(True, f"{service.service_name} accepted the message.")
        return Receipt(False, refusal(confinement.blocked) if confinement.blocked else _words(service, result))


def _words(service: "NotifyBase", result: "AppriseResult") -> str:
    said = "\n".join(entry.message for entry in result.logs())
    statuses = STATUS.findall(said)
    if statuses:
        return f"{service.service_name} answered {statuses[-1]}."
    if NO_CONNECTION.search(said):
        return f"{service.service_name} could not be reached."
    return f"{service.service_name} did not accept the message."


def _load() -> None:
    with _loading, warnings.catch_warnings():
        # One of its services asks for a module that Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import NotificationManager

        NotificationManager().load_modules()  # type: ignore[no-untyped-call]


def _service(url: str) -> "NotifyBase":
    scheme = _scheme(url)
    _load()
    _refuse_unknown(scheme)
    from apprise import Apprise

    service = Apprise.instantiate(url, asset=_asset())
    if service is None and scheme in NATIVE_SCHEMES:
        raise ValidationError(
            "Apprise knows no service by this URL: for a receiver of your own, use a webhook channel.", code="invalid"
        )
    if service is None:
        raise ValidationError(
            f"Apprise cannot use this {scheme}:// URL: https://appriseit.com/services/ tells what belongs in it.",
            code="invalid",
        )
    # A service's own URL may lead to any of them.
    _refuse_plugin(type(service), scheme)
    _refuse_files(service)
    return service


def _scheme(url: str) -> str:
    """In lower case. Raises `ValidationError` where there is not exactly one URL."""
    if len(url) > URL_MAX_LENGTH:
        raise ValidationError(f"The URL is longer than {URL_MAX_LENGTH} characters.", code="max_length")
    scheme = SCHEME.match(url)
    if scheme is None:
        raise ValidationError("The URL must begin with the scheme of a service, such as ntfy://.", code="invalid")
    if " " in url or not url.isprintable() or NEXT_URL.search(url):
        raise ValidationError("Give one URL, without spaces: each service is a channel of its own.", code="invalid")
    return scheme[1].lower()


def _refuse_unknown(scheme: str) -> None:
    from apprise import NotificationManager

    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if scheme in NATIVE_SCHEMES:
        return
    if scheme not in manager:
        raise ValidationError(f"Apprise knows no service with the scheme {scheme}://.", code="invalid")
    plugin = manager[scheme]
    _refuse_plugin(plugin, scheme)
    if not plugin.enabled:
        raise ValidationError(f"{scheme}:// needs software that is not installed here.", code="invalid")


def _refuse_plugin(plugin: type, scheme: str) -> None:
    module = plugin.__module__.removeprefix("apprise.plugins.").partition(".")[0]
    if module in RAW_HTTP:
        raise ValidationError(f"{scheme}:// is no service: use a webhook channel.", code="invalid")
    if module in LOCAL:
        raise ValidationError(f"{scheme}:// would reach into the monitor's own machine.", code="invalid")


def _refuse_files(service: "NotifyBase") -> None:
    """Templates and key files: a URL may name any file of this machine, and some of them would be sent."""
    from apprise import AppriseAttachment

    if any(isinstance(value, AppriseAttachment) and len(value) for value in vars(service).values()):
        raise ValidationError("A channel's URL may not name files, such as a template or a key file.", code="invalid")


def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="webmonitor",
        app_desc="webmonitor",
        app_url=settings.PROJECT_URL,
        # In the thread that asks, where the confinement holds.
        async_mode=False,
        service_timeout=0,
        # Text is sent as it is, and nothing is kept on disk.
        interpret_emojis=False,
        allow_templates=False,
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
        language="en",
    )
