"""The processes that watch."""

from django.db import models
from django.utils import timezone


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

    class Meta:
        verbose_name_plural = "processes"
        verbose_name = "process"
        constraints = (models.UniqueConstraint(fields=["component", "instance"], name="monitoring_heartbeat_instance"),)

    def __str__(self) -> str:
        return f"{self.component} {self.instance}"
