"""The tables of watching, a module a concept."""

from monitoring.models.checks import (
    ERROR_DETAIL_MAX_LENGTH,
    RARE_STATUSES,
    Certificate,
    CheckError,
    MonitoringData,
    Outcome,
    State,
)
from monitoring.models.maintenance import MaintenanceKind, MaintenanceWindow
from monitoring.models.notifications import (
    Alert,
    AlertKind,
    AlertStatus,
    Channel,
    Delivery,
    DeliveryAttempt,
)
from monitoring.models.processes import Heartbeat, Trouble, TroubleKind, TroubleNotice
from monitoring.models.rollups import (
    DailyRollup,
    HourlyRollup,
    RecentRollup,
    Rollup,
    RollupProgress,
    StaleHour,
    WatchPeriod,
)
from monitoring.models.states import (
    EndReason,
    ExtractedValue,
    Incident,
    IncidentKind,
    StateChange,
    WebsiteState,
)
from monitoring.models.status_page import ShownWebsite, StatusGroup, StatusPage
from monitoring.notifications.messages import Kind as ChannelKind

__all__ = [
    "ERROR_DETAIL_MAX_LENGTH",
    "RARE_STATUSES",
    "Alert",
    "AlertKind",
    "AlertStatus",
    "Certificate",
    "Channel",
    "ChannelKind",
    "CheckError",
    "DailyRollup",
    "Delivery",
    "DeliveryAttempt",
    "EndReason",
    "ExtractedValue",
    "Heartbeat",
    "HourlyRollup",
    "Incident",
    "IncidentKind",
    "MaintenanceKind",
    "MaintenanceWindow",
    "MonitoringData",
    "Outcome",
    "RecentRollup",
    "Rollup",
    "RollupProgress",
    "ShownWebsite",
    "StaleHour",
    "State",
    "StateChange",
    "StatusGroup",
    "StatusPage",
    "Trouble",
    "TroubleKind",
    "TroubleNotice",
    "WatchPeriod",
    "WebsiteState",
]
