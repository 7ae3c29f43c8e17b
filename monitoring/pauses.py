"""What saving a website does to what is known of it: it is paused, resumed, or no longer watched for something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from monitoring import values
from monitoring.models import EndReason, Incident, IncidentKind, State, StateChange, WebsiteState
from monitoring.notifications import outbox
from monitoring.overwriting import overwrite
from monitoring.schedule import chunks


def on_websites_saved(website_ids: Sequence[int], **_: Any) -> None:
    for chunk in chunks(website_ids):
        _follow(chunk)


def _follow(website_ids: Sequence[int]) -> None:
    now = timezone.now()
    states = WebsiteState.objects.filter(website__in=website_ids)
    states = states.select_for_update(of=("self",)).select_related("website").order_by("website_id")
    moved: list[WebsiteState] = []
    changes: list[StateChange] = []
    reasons: dict[tuple[int, str], EndReason] = {}
    for state in states:
        website, before = state.website, (state.state, state.is_slow, state.value)
        if website.is_active == (state.state == State.PAUSED):
            changes.append(_move(state, State.UNKNOWN if website.is_active else State.PAUSED, now))
        reasons |= _reasons(state)
        if before != (state.state, state.is_slow, state.value):
            moved.append(state)
    overwrite(moved, ["state", "since", "judged_until", "resumed_at", "is_slow", "value"])
    StateChange.objects.bulk_create(changes)
    _end(reasons, now)


def _reasons(state: WebsiteState) -> dict[tuple[int, str], EndReason]:
    """Which incidents of the website, where they are open, end now; the state is made to fit."""
    website = state.website
    if not website.is_active:
        state.is_slow, state.value = False, None
        return {(website.pk, kind.value): EndReason.PAUSED for kind in IncidentKind}
    found = {}
    if website.slow_threshold is None:
        state.is_slow = False
        found[website.pk, IncidentKind.SLOW.value] = EndReason.DROPPED
    if state.value is not None:
        if values.problem(website, state.value):
            # Perhaps by new bounds: the next check is to tell.
            state.value = None
        else:
            found[website.pk, IncidentKind.VALUE.value] = EndReason.DROPPED
    return found


def _move(state: WebsiteState, new: State, now: datetime) -> StateChange:
    change = StateChange(website=state.website, old=state.state, new=new, changed_at=now)
    state.state, state.since, state.judged_until = new, now, now
    if new is State.UNKNOWN:
        state.resumed_at = now
    return change


def _end(reasons: dict[tuple[int, str], EndReason], now: datetime) -> None:
    """End the open ones of these incidents."""
    found = Incident.objects.filter(website__in={website_id for website_id, _ in reasons}, ended_at=None)
    ended = [
        incident for incident in found.select_related("website") if (incident.website_id, incident.kind) in reasons
    ]
    for incident in ended:
        incident.ended_at = incident.closed_at = now
        incident.end_reason = reasons[incident.website_id, incident.kind]
    overwrite(ended, ["ended_at", "closed_at", "end_reason"])
    outbox.ended(ended)
