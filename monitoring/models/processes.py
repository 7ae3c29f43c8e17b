"""The processes that watch, and what keeps them from it."""

from django.db import models
from django.utils import timezone

from monitoring.models.notifications import Channel, Delivery


class Heartbeat(models.Model):
    """When a beat or worker process last said that it lives."""

    class Component(models.TextChoices):
        BEAT = "beat", "beat"
        WORKER = "worker", "worker"

    component = models.CharField(max_length=8, choices=Component)
    # host:process id
    instance = models.CharField(max_length=255)
    started_at = models.DateTimeField("started", default=timezone.now)
    seen_at = models.DateTimeField("last seen")
    missed = models.PositiveBigIntegerField(
        "missed checks",
        default=0,
        help_text="Due since the process started, but not sent, made or stored in time.",
    )
    # Reason: how many of them.
    missed_by_reason = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "processes"
        verbose_name = "process"
        constraints = (models.UniqueConstraint(fields=["component", "instance"], name="monitoring_heartbeat_instance"),)

    def __str__(self) -> str:
        return f"{self.component} {self.instance}"


class TroubleKind(models.TextChoices):
    OVERLOADED = "overloaded", "overloaded"
    CUT_OFF = "cut_off", "cut off"


class Trouble(models.Model):
    """What keeps one process of the monitor from watching, from when to when."""

    kind = models.CharField(max_length=12, choices=TroubleKind)
    # Whose, as in `Heartbeat`.
    component = models.CharField(max_length=8, choices=Heartbeat.Component)
    instance = models.CharField(max_length=255)
    began_at = models.DateTimeField("began")
    # Said again while it lasts: a process that ended without a word has no trouble any more.
    seen_at = models.DateTimeField("last seen")
    ended_at = models.DateTimeField("ended", null=True, blank=True)
    words = models.CharField(max_length=500, help_text="What is wrong, and why.")
    affected = models.PositiveIntegerField("websites affected", default=0)
    # When channels were told of it, as the first or together with others.
    told_at = models.DateTimeField("told", null=True, blank=True)

    class Meta:
        verbose_name = "trouble of the monitor"
        verbose_name_plural = "troubles of the monitor"
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "component", "instance"],
                condition=models.Q(ended_at=None),
                name="monitoring_trouble_open",
            ),
        )
        indexes = (models.Index(fields=["-seen_at"], name="monitoring_trouble_newest"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.component} {self.instance}"


class TroubleNotice(models.Model):
    """A kind of trouble that a channel was told of, kept until it is told of the end."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="trouble_notices")
    kind = models.CharField(max_length=12, choices=TroubleKind)
    began_at = models.DateTimeField()
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="trouble_notices")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "kind"], name="monitoring_trouble_notice_once"),)

    def __str__(self) -> str:
        return f"{self.channel_id} {self.kind}"
