"""Tags: how they are written, kept and found."""

import contextlib

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from websites.models import Website
from websites.tags import (
    TAG_MAX_LENGTH,
    TAGS_MAX,
    TAGS_MAX_LENGTH,
    as_text,
    normal_tag,
    read,
    store,
    store_text,
    validate_tags,
)
from websites.tests.websites import add

MEGABYTE = 1 << 20
LONG = "A tag has at most 50 characters."
UNPRINTABLE = "A tag has no characters that do not print."


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("shop", "shop"),
        (" \tShop\n", "shop"),
        ("MY  shop", "my  shop"),
        ("ÄÖÜ", "äöü"),
        ("A\u0308", "ä"),
        ("ΟΔΟΣ", "οδος"),
        ("=1+1", "=1+1"),
        ("'quoted' \"twice\"; | \\ % _", "'quoted' \"twice\"; | \\ % _"),
        ("\u00a0shop\u2028", "shop"),
        ("\U0001f6d2", "\U0001f6d2"),
        ("x" * TAG_MAX_LENGTH, "x" * TAG_MAX_LENGTH),
    ],
)
def test_each_tag_has_one_spelling(written: str, tag: str) -> None:
    assert normal_tag(written) == tag
    assert normal_tag(tag) == tag


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "A tag may not be blank."),
        (" \t\n", "A tag may not be blank."),
        (",", "A tag has no commas."),
        ("a,b", "A tag has no commas."),
        *((f"a{char}b", UNPRINTABLE) for char in "\0\t\n\r\x1b\x7f\x85\u00a0\u200b\u202e\u2028\ufeff\ud800\ue000"),
        ("x" * (TAG_MAX_LENGTH + 1), LONG),
        # In lower case, it is two characters.
        ("\u0130" * TAG_MAX_LENGTH, LONG),
        ("x" * MEGABYTE, LONG),
        ("\u0315\u0300" * MEGABYTE, LONG),
    ],
    ids=ascii,
)
def test_what_is_no_tag_is_refused_with_a_sentence(written: str, message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        normal_tag(written)
    assert refusal.value.messages == [message]


@pytest.mark.parametrize(
    ("text", "stored", "tags", "shown"),
    [
        ("", "", [], ""),
        (" , ,,", "", [], ""),
        ("Prod", ",prod,", ["prod"], "prod"),
        ("shop, PROD ,,shop,Shop", ",shop,prod,", ["shop", "prod"], "shop, prod"),
        (",prod,my shop,", ",prod,my shop,", ["prod", "my shop"], "prod, my shop"),
    ],
)
def test_tags_are_kept_in_their_order_each_once(text: str, stored: str, tags: list[str], shown: str) -> None:
    validate_tags(text)
    assert store_text(text) == stored
    assert store(tags) == stored
    assert read(stored) == tags
    assert as_text(stored) == shown


def test_there_are_bounds_to_how_many_and_how_long_tags_are() -> None:
    tags = [f"{number}".rjust(TAG_MAX_LENGTH, "x") for number in range(TAGS_MAX)]
    assert len(store(tags)) == TAGS_MAX_LENGTH
    assert read(store(tags * 2)) == tags
    for refused in (store, lambda tags: store_text(",".join(tags)), lambda tags: validate_tags(",".join(tags))):
        with pytest.raises(ValidationError, match=r"A website has at most 20 tags\."):
            refused([*tags, "one more"])


@pytest.mark.parametrize("tags", [[""], ["a", " "], ["a,b"]])
def test_a_list_has_no_blank_tags_and_no_commas(tags: list[str]) -> None:
    with pytest.raises(ValidationError):
        store(tags)


@given(st.lists(st.text(max_size=12) | st.text(st.sampled_from("aAß\u0130Σ\u03c3\u0308\u0301 ,'=\t"), max_size=60)))
def test_tags_that_are_taken_come_back_as_they_were(written: list[str]) -> None:
    with contextlib.suppress(ValidationError):
        stored = store(written)
        assert len(stored) <= TAGS_MAX_LENGTH
        assert stored == store(read(stored)) == store_text(stored) == store_text(as_text(stored))
        assert set(read(stored)) == {normal_tag(text) for text in written}


@given(st.text())
def test_a_text_is_tags_or_is_refused(text: str) -> None:
    with contextlib.suppress(ValidationError):
        stored = store_text(text)
        assert store_text(stored) == stored


# --- Websites ----------------------------------------------------------------------------


def test_a_website_that_is_cleaned_has_its_tags_as_they_are_kept() -> None:
    website = Website(website_url="https://example.org/", monitoring_interval=5, tags=" Shop, prod,shop")
    website.clean_fields()
    assert website.tags == ",shop,prod,"


def test_a_website_with_bad_tags_says_so_beside_them_once() -> None:
    with pytest.raises(ValidationError) as refusal:
        Website(website_url="https://example.org/", monitoring_interval=5, tags="a\x1b").clean_fields()
    assert refusal.value.message_dict == {"tags": [UNPRINTABLE]}


def test_tags_that_a_form_has_refused_do_not_stop_the_rest() -> None:
    website = Website(website_url="HTTPS://example.org", monitoring_interval=5, tags="a\x1b")
    website.clean_fields(exclude={"tags"})
    assert website.website_url == "https://example.org/"


@pytest.mark.django_db
def test_a_website_is_saved_with_its_tags_as_they_are_kept() -> None:
    website = add(tags="Shop,  PROD, shop,")
    website.refresh_from_db()
    assert website.tags == ",shop,prod,"
    website.tags = "x\0"
    with pytest.raises(ValidationError, match="do not print"):
        website.save()
    website.refresh_from_db()
    assert website.tags == ",shop,prod,"


TAGGED = ("shop", "shops,prod", "my shop", "100%", "1000", "a_b", "axb", "c\\d", "ärzte,prod", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("shop", {"shop"}),
        (" SHOP ", {"shop"}),
        ("prod", {"shops,prod", "ärzte,prod"}),
        ("ÄRZTE", {"ärzte,prod"}),
        ("100%", {"100%"}),
        ("%", set()),
        ("a_b", {"a_b"}),
        ("_", set()),
        ("c\\d", {"c\\d"}),
        ("sho", set()),
        ("hop", set()),
    ],
)
def test_websites_are_found_by_exactly_one_tag_in_any_case(tag: str, found: set[str]) -> None:
    websites = {add(f"https://www{number}.example.org/", tags=tags).pk: tags for number, tags in enumerate(TAGGED)}
    assert {websites[website.pk] for website in Website.objects.tagged(tag)} == found


@pytest.mark.parametrize("tag", ["", " ", "a,b", ",", "\0", "x" * 51])
def test_nothing_is_found_by_what_is_no_tag(tag: str) -> None:
    with pytest.raises(ValidationError):
        Website.objects.tagged(tag)
