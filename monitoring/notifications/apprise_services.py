"""Services that Apprise knows: chats, push messages, on-call tools.

Its URLs hold tokens and passwords, and so do its log and its errors: nothing of them is passed on but the scheme, the
service's name and an HTTP status.
"""

import re
import threading
import warnings
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from django.core.exceptions import ValidationError

from monitoring import watchlist
from monitoring.notifications.confinement import Confinement, confined
from monitoring.notifications.deadlines import SHARE, Deadline
from monitoring.notifications.fitting import fit
from monitoring.notifications.guarded_http import BlockedAddressError
from monitoring.notifications.incident_services import aim, is_told_directly, keeps_incidents, module_of, tell
from monitoring.notifications.library_logs import keep_back, silence
from monitoring.notifications.messages import Message, Receipt, Stage, Step, Urgency, refusal, unanswered
from monitoring.notifications.pings import harmless, mention_none
from monitoring.notifications.service_answers import is_refusal

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
# Apprise's words for how much a message matters: colours, pictures, and what it does to an incident.
NOTIFY_TYPES = {Urgency.OUTAGE: "failure", Urgency.WARNING: "warning", Urgency.OVER: "success", Urgency.NEWS: "info"}
# The part of the time that an attempt has that may be spent in pauses between requests.
PAUSING = 0.25
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
    # What a URL may ask for besides: attempts are counted elsewhere, failures are no successes, and what redirects lead
    # to was never agreed to. The deadline holds for all of it.
    service.retry = 0
    service.optional = False
    service.redirects = False
    service.socket_connect_timeout = service.socket_read_timeout = seconds
    # Apprise pauses between two requests, 5.5 s where a plugin says nothing else: of five recipients, the last would
    # get nothing in time, and the first the same again at every attempt.
    service.request_rate_per_sec = min(service.request_rate_per_sec, PAUSING * seconds / max(len(service), 1))
    with Deadline(SHARE * seconds) as deadline, confined(deadline, watchlist.guard()) as confinement:
        receipt = _sent(service, message, confinement)
        if deadline.is_over:  # an answer that was cut off in the middle may look like a good one
            return unanswered(WHO, seconds)
        if confinement.blocked and not receipt.is_delivered:
            return Receipt(False, refusal(confinement.blocked))
        return receipt


def _sent(service: "NotifyBase", message: Message, confinement: Confinement) -> Receipt:
    if not keeps_incidents(service):
        return _notified(service, message, message.urgency, confinement)
    for step in message.steps:
        # A step that is done again, as one after it has failed, changes nothing.
        if is_told_directly(service, step):
            receipt = _told(service, step, message)
        else:
            aim(service, step)
            receipt = _notified(service, message, _urgency(message, step), confinement)
        if not receipt.is_delivered:
            break
    return receipt


def _told(service: "NotifyBase", step: Step, message: Message) -> Receipt:
    try:
        return tell(service, step, harmless(f"{message.title}\n{message.text}"))
    except BlockedAddressError as error:
        return Receipt(False, str(error))
    except requests.RequestException:
        return Receipt(False, f"{service.service_name} could not be reached.")


def _notified(service: "NotifyBase", message: Message, urgency: Urgency, confinement: Confinement) -> Receipt:
    from apprise import Apprise, NotifyFormat, NotifyType

    attempts, dialled, answered = _counted(service), confinement.dialled, len(confinement.answers)
    mention_none(service)
    title, text = fit(service, harmless(message.title), harmless(message.text))
    result = Apprise(service, asset=service.asset).notify(
        body=text,
        title=title,
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType(NOTIFY_TYPES[urgency]),
    )
    if not result:
        return Receipt(False, _words(service, result))
    if not attempts and confinement.dialled == dialled:
        return Receipt(False, f"{service.service_name} was sent nothing.")
    if is_refusal(module_of(service), confinement.answers[answered:]):
        return Receipt(False, f"{service.service_name} answered 200, but refused the message.")
    return Receipt(True, f"{service.service_name} accepted the message.")


def _urgency(message: Message, step: Step) -> Urgency:
    if step.stage is Stage.CLOSES:
        return Urgency.OVER
    if step.stage is Stage.EASES:
        return Urgency.WARNING
    # On call, a test that nobody hears has failed.
    return Urgency.OUTAGE if message.urgency is Urgency.NEWS else message.urgency


def _counted(service: "NotifyBase") -> list[Any]:
    """Filled with an entry for each time that the service is about to send something."""
    attempts: list[Any] = []
    throttle: Any = service.throttle

    def count(*arguments: Any, **options: Any) -> None:
        attempts.append(arguments)
        throttle(*arguments, **options)

    vars(service)["throttle"] = count
    return attempts


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
