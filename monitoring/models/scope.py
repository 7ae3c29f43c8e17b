"""Which websites something is about."""

from collections.abc import Collection

from django.db import models

from websites import tags
from websites.models import Website


class Scope(models.Model):
    """Websites chosen by tag or one by one; all of them, also those to come, where nothing is chosen."""

    tags = models.CharField(
        max_length=tags.TAGS_MAX_LENGTH,
        blank=True,
        default="",
        validators=[tags.validate_tags],
        help_text="For websites with any of these tags, with commas between. Without tags and websites: for all.",
    )
    websites = models.ManyToManyField(Website, blank=True, related_name="+", help_text="For these websites besides.")

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        super().clean_fields(exclude)
        if "tags" not in (exclude or ()):
            self.tags = tags.store_text(self.tags)

    def covers(self, website: Website) -> bool:
        """Costs a query where `websites` was not prefetched."""
        chosen = {one.pk for one in self.websites.all()}
        if not self.tags and not chosen:
            return True
        return website.pk in chosen or not set(tags.read(self.tags)).isdisjoint(tags.read(website.tags))
