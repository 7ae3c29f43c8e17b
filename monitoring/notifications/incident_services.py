"""Services that keep incidents: what a message opens there, later messages update, and its end closes.

One incident there is one message of a beginning here, however many websites it is about; it is over with the last of
them. docs/alerts.md has the table of what each service makes of that.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from monitoring import watchlist
from monitoring.notifications.guarded_http import session
from monitoring.notifications.messages import Receipt, Stage, Step

if TYPE_CHECKING:
    from apprise import NotifyBase

# By the module of Apprise's plugin, the attribute that holds what tells one incident from another.
KEY_ATTRIBUTES = {
    "firehydrant": "dedup",
    "goalert": "dedup",
    "ilert": "dedup",
    "incidentio": "dedup",
    "jira": "alias",
    "opsgenie": "alias",
    "opsimate": "dedup",
    "pagerduty": "dedup",
    "pagertree": "thirdparty",
    "signl4": "external_id",
    "splunk": "entity_id",
    "squadcast": "dedup",
}
# Of these, Apprise looks for alerts that this process has opened itself, and by the id of a request at that: it finds
# none, sends nothing and calls that a success. https://docs.opsgenie.com/docs/alert-api#close-alert and
# https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/
ALERT_APIS = {
    ("opsgenie", "us"): "https://api.opsgenie.com/v2/alerts",
    ("opsgenie", "eu"): "https://api.eu.opsgenie.com/v2/alerts",
    ("jira", "us"): "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
    ("jira", "eu"): "https://api.atlassian.com/jsm/ops/integration/v2/alerts",
}
NOTE_MAX_LENGTH = 25_000


def module_of(service: "NotifyBase") -> str:
    return type(service).__module__.removeprefix("apprise.plugins.").partition(".")[0]


def keeps_incidents(service: "NotifyBase") -> bool:
    return module_of(service) in KEY_ATTRIBUTES


def aim(service: "NotifyBase", step: Step) -> None:
    """Have what Apprise sends next do this step, whatever the URL says of keys and actions."""
    module, plugin = module_of(service), vars(service)
    # No pauses: it makes few requests.
    plugin["request_rate_per_sec"] = 0
    plugin[KEY_ATTRIBUTES[module]] = step.key
    plugin["action"] = "new" if module in ("jira", "opsgenie") else "map"
    if module in ("jira", "opsgenie"):
        # All responders in one request: of a second one with the same alias, the responders are not heeded.
        plugin["batch_size"] = type(service).default_batch_size  # type: ignore[attr-defined]
    if module == "signl4":
        plugin["status"] = None
    if module == "splunk":
        # To its timeline: a website that is well again opens no incident that somebody has closed meanwhile.
        plugin["action"] = "info" if step.stage is Stage.EASES else "map"
        plugin["mapping"] = type(service).splunk_message_map.copy()  # type: ignore[attr-defined]


def is_told_directly(service: "NotifyBase", step: Step) -> bool:
    """Whether `tell` does this step, and not Apprise."""
    return step.stage is not Stage.OPENS and module_of(service) in ("jira", "opsgenie")


def tell(service: "NotifyBase", step: Step, text: str) -> Receipt:
    """Close an alert of Opsgenie or Jira, or add a note. Raises `requests.RequestException`."""
    plugin: Any = service
    url = ALERT_APIS[module_of(service), plugin.region_name]
    what = "close" if step.stage is Stage.CLOSES else "notes"
    headers = {
        "Authorization": f"GenieKey {plugin.apikey}",
        "Content-Type": "application/json",
        "User-Agent": watchlist.user_agent(),
    }
    note = {"source": "webmonitor", "note": text[:NOTE_MAX_LENGTH]} | ({"user": plugin.user} if plugin.user else {})
    with session(watchlist.guard()) as client:
        address = f"{url}/{quote(step.key, safe='')}/{what}?identifierType=alias"
        answer = client.post(address, data=json.dumps(note), headers=headers, timeout=plugin.socket_read_timeout)
    if answer.status_code in (requests.codes.ok, requests.codes.accepted):
        return Receipt(True, f"{service.service_name} accepted the message.")
    return Receipt(False, f"{service.service_name} answered {answer.status_code}.")
