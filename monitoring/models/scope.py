"""Which websites something is about."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import TypeVar

from django.db import models
from django.utils.functional import cached_property

from websites import tags
from websites.locks import HeldModel
from websites.models import Website


class Scope(HeldModel):
    """Websites chosen by tag or one by one; all of them, also those to come, where nothing is chosen.

    None where nothing is left of what was chosen: what is for some never comes to be for all by itself.
    """

    tags = models.CharField(
        max_length=tags.TAGS_MAX_LENGTH,
        blank=True,
        default="",
        validators=[tags.validate_tags],
        help_text="For websites with any of these tags, with commas between. Without tags and websites: for all.",
    )
    websites = models.ManyToManyField(Website, blank=True, related_name="+", help_text="For these websites besides.")
    # All websites that it was for were deleted, and nobody has said since whom it is for.
    websites_gone = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta(HeldModel.Meta):
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        super().clean_fields(exclude)
        if "tags" not in (exclude or ()):
            self.tags = tags.store_text(self.tags)

    def covers(self, website: Website) -> bool:
        if not self.tags and not self.chosen:
            return not self.websites_gone
        return website.pk in self.chosen or not self._tags.isdisjoint(tags.read(website.tags))

    @property
    def for_all(self) -> bool:
        """Whether it is for all websites there are; asks for the chosen ones as they are read or prefetched."""
        return not (self.tags or self.websites_gone or self.websites.all())

    @cached_property
    def _tags(self) -> frozenset[str]:
        return frozenset(tags.read(self.tags))

    @cached_property
    def chosen(self) -> frozenset[int]:
        """Ids, read once: what is asked about thousands of websites is asked of one object."""
        return frozenset(self.websites.order_by().values_list("pk", flat=True))


# With how it is said that it is to be for all.
FOR_NONE = "It is for no website: choose some, or tags, or {}."


def is_for_none(*, is_chosen: bool, is_gone: bool, for_all: bool | None) -> bool:
    """What `websites_gone` becomes: `is_chosen` where there are tags or websites, `for_all` where that is asked for."""
    if is_chosen:
        return False
    return is_gone if for_all is None else not for_all


S = TypeVar("S", bound=Scope)


def with_chosen(scopes: Iterable[S]) -> list[S]:
    """The scopes, all of one model, that know which websites were chosen one by one: read in one query for all."""
    found = list(scopes)
    if found:
        through = type(found[0]).websites.through
        owner = type(found[0])._meta.model_name
        chosen: dict[int, set[int]] = defaultdict(set)
        rows = through._default_manager.filter(**{f"{owner}__in": [scope.pk for scope in found]})
        for scope_id, website_id in rows.values_list(f"{owner}_id", "website_id"):
            chosen[scope_id].add(website_id)
        for scope in found:
            scope.__dict__["chosen"] = frozenset(chosen[scope.pk])
    return found
