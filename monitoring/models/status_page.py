"""What the public is shown: one page, its groups, and the websites on it under names of their own."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from websites.models import Website
from websites.plain_text import inert

# The page's only key.
ONLY = 1
NAME_MAX_LENGTH = 100
INTRODUCTION_MAX_LENGTH = 2_000
DAYS_MIN, DAYS_MAX = 7, 90
# What a page can show and people can take in; it is rendered again every few seconds.
SHOWN_MAX = 500
GROUPS_MAX = 50


def check_name(name: str) -> None:
    """Raises `ValidationError` for a name with characters that do not print: people would see them spelled out."""
    if inert(name) != name:
        raise ValidationError(f"Leave out what does not print: {inert(name)}", code="invalid")
    if not name.strip():
        raise ValidationError("Give a name that can be seen.", code="invalid")


class StatusPage(models.Model):
    """The public page at /status; there is one, and it is off until somebody switches it on."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    is_public = models.BooleanField(
        "switched on",
        default=False,
        help_text="Everybody who can reach the monitor then sees the page at /status, without signing in.",
    )
    title = models.CharField(max_length=NAME_MAX_LENGTH, default="Status", validators=[check_name])
    introduction = models.TextField(
        max_length=INTRODUCTION_MAX_LENGTH,
        blank=True,
        default="",
        help_text="Plain text above everything else, such as whom to ask. An empty line begins a new paragraph.",
    )
    days = models.PositiveSmallIntegerField(
        "days shown",
        default=DAYS_MAX,
        validators=[MinValueValidator(DAYS_MIN), MaxValueValidator(DAYS_MAX)],
        help_text=f"Of each website, {DAYS_MIN} to {DAYS_MAX}.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "status page"
        constraints = (models.CheckConstraint(condition=models.Q(id=ONLY), name="monitoring_status_page_only"),)

    def __str__(self) -> str:
        return "Status page"


class StatusGroup(models.Model):
    """Websites that stand together on the status page, under a name."""

    page = models.ForeignKey(StatusPage, on_delete=models.CASCADE, default=ONLY, related_name="groups", editable=False)
    name = models.CharField(
        max_length=NAME_MAX_LENGTH,
        unique=True,
        validators=[check_name],
        error_messages={"unique": "A group with this name exists already."},
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower ones come first.")

    class Meta:
        ordering = ("position", "pk")
        verbose_name = "group"

    def __str__(self) -> str:
        return self.name


class ShownWebsite(models.Model):
    """A website on the status page: the public knows it by the name that it has here."""

    page = models.ForeignKey(
        StatusPage, on_delete=models.CASCADE, default=ONLY, related_name="websites", editable=False
    )
    website = models.OneToOneField(
        Website,
        on_delete=models.CASCADE,
        related_name="shown",
        error_messages={"unique": "This website is on the status page already."},
    )
    name = models.CharField("shown name", max_length=NAME_MAX_LENGTH, validators=[check_name])
    group = models.ForeignKey(StatusGroup, on_delete=models.SET_NULL, null=True, blank=True, related_name="websites")
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower ones come first.")
    show_url = models.BooleanField("show URL", default=False, help_text="All of it, with what follows the ? as well.")

    class Meta:
        ordering = ("position", "pk")
        verbose_name = "shown website"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self._state.adding and ShownWebsite.objects.count() >= SHOWN_MAX:
            raise ValidationError(f"A status page shows at most {SHOWN_MAX} websites.", code="too_many")
