"""What to watch."""

from collections.abc import Collection, Iterable
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from websites import locks
from websites.alert_options import (
    FAILURES_BEFORE_DOWN,
    IN_A_ROW_MAX,
    IN_A_ROW_MIN,
    IN_A_ROW_VALIDATORS,
    SLOW_CHECKS,
    SLOW_THRESHOLD_MAX,
    SLOW_THRESHOLD_MIN,
    SUCCESSES_BEFORE_UP,
    validate_bound,
    validate_slow_threshold,
)
from websites.http_auth import STORED_MAX_LENGTH as HTTP_AUTH_MAX_LENGTH
from websites.request_options import (
    ACCEPTED_STATUSES,
    BODY_MAX_LENGTH,
    HEADERS_MAX_LENGTH,
    STATUSES_MAX_LENGTH,
    TIMEOUT_MAX,
    IpVersion,
    Method,
    check_together,
    validate_headers,
    validate_statuses,
    validate_timeout,
)
from websites.signals import websites_deleted, websites_deleting, websites_saved
from websites.tags import TAG_MAX_LENGTH, TAGS_MAX, TAGS_MAX_LENGTH, enclosed, store_text, validate_tags
from websites.validators import REGEX_MAX_LENGTH, URL_MAX_LENGTH, normalise_url, validate_regex, validate_url

MONITORING_INTERVAL_MIN = 5
MONITORING_INTERVAL_MAX = 300


class WebsiteQuerySet(models.QuerySet["Website"]):
    """Bulk calls that tell the same signals as `Website.save` and `Website.delete`."""

    def active(self) -> Self:
        return self.filter(is_active=True)

    def tagged(self, tag: str) -> Self:
        """Those with exactly this tag, in any case. Raises `ValidationError` for what is no tag."""
        return self.filter(tags__contains=enclosed(tag))

    def bulk_create(self, objs: Iterable["Website"], *args: Any, **kwargs: Any) -> list["Website"]:
        with transaction.atomic(using=self.db):
            websites = super().bulk_create(objs, *args, **kwargs)
            _tell_saved([website.pk for website in websites])
        return websites

    def bulk_update(self, objs: Iterable["Website"], fields: Iterable[str], batch_size: int | None = None) -> int:
        websites = list(objs)
        with transaction.atomic(using=self.db):
            locks.hold_to_change(self.model, [website.pk for website in websites])
            # Django's own method would come back to `update` below once a batch; one signal is enough.
            plain = models.QuerySet["Website"](self.model, using=self.db)
            count = plain.bulk_update(websites, fields, batch_size)
            _tell_saved([website.pk for website in websites])
        return count

    def update(self, **kwargs: Any) -> int:
        with transaction.atomic(using=self.db):
            website_ids = locks.hold_to_change(self.model, list(self.order_by().values_list("pk", flat=True)))
            # What fits only since then is told of by whoever made it so.
            count = sum(
                models.QuerySet.update(self.filter(pk__in=some), **kwargs) for some in locks.chunks(website_ids)
            )
            _tell_saved(website_ids)
        return count

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=self.db):
            website_ids = list(self.order_by().values_list("pk", flat=True))
            _tell_deleting(website_ids)
            result = locks.delete(self.model, website_ids)
            _tell_deleted(website_ids)
        return result

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Website(models.Model):
    """A website and how it is watched; each one owns a periodic task (see `monitoring.schedule`)."""

    website_id = models.BigAutoField("ID", primary_key=True)
    website_url = models.CharField(
        "URL",
        max_length=URL_MAX_LENGTH,
        validators=[validate_url],
        help_text="An http or https address, for example https://example.org/health.",
    )
    monitoring_interval = models.PositiveSmallIntegerField(
        "interval",
        validators=[MinValueValidator(MONITORING_INTERVAL_MIN), MaxValueValidator(MONITORING_INTERVAL_MAX)],
        help_text=f"Seconds between two checks, {MONITORING_INTERVAL_MIN} to {MONITORING_INTERVAL_MAX}.",
    )
    # See `websites.tags`.
    tags = models.CharField(
        max_length=TAGS_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        validators=[validate_tags],
        help_text="Words to find websites by, with commas between: "
        f"at most {TAGS_MAX}, each of at most {TAG_MAX_LENGTH} characters.",
    )
    regex = models.CharField(
        max_length=REGEX_MAX_LENGTH,
        null=True,
        blank=True,
        validators=[validate_regex],
        help_text="Optional: all that this RE2 pattern matches in the body is stored with each check.",
    )
    regex_must_match = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The website is down where the regex matches nothing; else the regex only extracts.",
    )
    is_active = models.BooleanField("active", default=True, help_text="A website that is not active is paused.")
    method = models.CharField(max_length=7, choices=Method, default=Method.GET, db_default=Method.GET)
    request_headers = models.CharField(
        max_length=HEADERS_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        validators=[validate_headers],
        help_text="One Name: value a line. Whoever may see the website sees them.",
    )
    request_body = models.CharField(
        max_length=BODY_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text="Sent in UTF-8 with POST, PUT and PATCH. Whoever may see the website sees it.",
    )
    # See `websites.http_auth`.
    http_auth = models.CharField("credentials", max_length=HTTP_AUTH_MAX_LENGTH, blank=True, default="", db_default="")
    timeout = models.FloatField(
        null=True,
        blank=True,
        validators=[validate_timeout],
        help_text=f"Seconds for the whole exchange, at most {TIMEOUT_MAX:g} and the interval. "
        "Left empty: 80 % of the interval, at most 10 s.",
    )
    follow_redirects = models.BooleanField(
        default=True, db_default=True, help_text="Else the redirect itself is the answer."
    )
    verify_tls = models.BooleanField(
        "verify certificate",
        default=True,
        db_default=True,
        help_text="Else any certificate will do; what is wrong with it is told with each check.",
    )
    accepted_statuses = models.CharField(
        max_length=STATUSES_MAX_LENGTH,
        default=ACCEPTED_STATUSES,
        db_default=ACCEPTED_STATUSES,
        validators=[validate_statuses],
        help_text="HTTP statuses of a website that is up, such as 200-299,304.",
    )
    ip_version = models.CharField(
        "IP version", max_length=3, choices=IpVersion, default=IpVersion.ANY, db_default=IpVersion.ANY
    )
    failures_before_down = models.PositiveSmallIntegerField(
        default=FAILURES_BEFORE_DOWN,
        db_default=FAILURES_BEFORE_DOWN,
        validators=IN_A_ROW_VALIDATORS,
        help_text="Checks in a row that must fail before the website is down, "
        f"{IN_A_ROW_MIN} to {IN_A_ROW_MAX}; {FAILURES_BEFORE_DOWN} by default.",
    )
    successes_before_up = models.PositiveSmallIntegerField(
        default=SUCCESSES_BEFORE_UP,
        db_default=SUCCESSES_BEFORE_UP,
        validators=IN_A_ROW_VALIDATORS,
        help_text="Checks in a row that must succeed before it is up again, "
        f"{IN_A_ROW_MIN} to {IN_A_ROW_MAX}; {SUCCESSES_BEFORE_UP} by default.",
    )
    slow_threshold = models.FloatField(
        null=True,
        blank=True,
        validators=[validate_slow_threshold],
        help_text=f"Seconds, {SLOW_THRESHOLD_MIN} to {SLOW_THRESHOLD_MAX:g}: a check that takes longer is slow. "
        "Left empty: none is.",
    )
    slow_checks = models.PositiveSmallIntegerField(
        default=SLOW_CHECKS,
        db_default=SLOW_CHECKS,
        validators=IN_A_ROW_VALIDATORS,
        help_text="So many slow checks in a row make the website slow, so many others end it: "
        f"{IN_A_ROW_MIN} to {IN_A_ROW_MAX}; {SLOW_CHECKS} by default.",
    )
    alert_on_value_change = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Alert where the first match of the regex is another than before; off by default.",
    )
    alert_on_value_missing = models.BooleanField(
        default=False, db_default=False, help_text="Alert where the regex matches nothing; off by default."
    )
    value_min = models.FloatField(
        "lowest value",
        null=True,
        blank=True,
        validators=[validate_bound],
        help_text="Alert where the first match of the regex is no number of at least this. Left empty: no bound.",
    )
    value_max = models.FloatField(
        "highest value",
        null=True,
        blank=True,
        validators=[validate_bound],
        help_text="Alert where the first match of the regex is no number of at most this. Left empty: no bound.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebsiteQuerySet.as_manager()

    class Meta:
        ordering = ("website_id",)
        constraints = (
            models.UniqueConstraint(
                fields=["website_url"],
                name="website_url_unique",
                # With this code the message is the field's, not the whole form's.
                violation_error_code="unique",
                violation_error_message="A website with this URL exists already.",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    monitoring_interval__gte=MONITORING_INTERVAL_MIN, monitoring_interval__lte=MONITORING_INTERVAL_MAX
                ),
                name="website_monitoring_interval_range",
                violation_error_message=(
                    f"The interval must be from {MONITORING_INTERVAL_MIN} to {MONITORING_INTERVAL_MAX} seconds."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.website_url

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._normalise()
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
            _tell_saved([self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        website_id = self.pk
        with transaction.atomic(using=kwargs.get("using")):
            _tell_deleting([website_id])
            locks.hold_to_delete(Website, [website_id])
            result = super().delete(*args, **kwargs)
            _tell_deleted([website_id])
        return result

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        super().clean_fields(exclude)
        # A form leaves out a field whose text it has refused already.
        self._normalise(exclude or ())

    def clean(self) -> None:
        super().clean()
        check_together(vars(self))

    def _normalise(self, exclude: Collection[str] = ()) -> None:
        """Give URL and tags their one spelling; raises `ValidationError` where they have none."""
        if "website_url" not in exclude:
            self.website_url = normalise_url(self.website_url)
        if "tags" not in exclude:
            self.tags = store_text(self.tags)
        self.regex = self.regex or None


def _tell_saved(website_ids: list[int]) -> None:
    if website_ids:
        websites_saved.send(sender=Website, website_ids=website_ids)


def _tell_deleting(website_ids: list[int]) -> None:
    if website_ids:
        websites_deleting.send(sender=Website, website_ids=website_ids)


def _tell_deleted(website_ids: list[int]) -> None:
    if website_ids:
        websites_deleted.send(sender=Website, website_ids=website_ids)
