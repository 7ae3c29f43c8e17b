import pytest

from monitoring.uptime_text import newest, percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.5, "50.00 %"),
        (0.9998, "99.98 %"),
        (0.29, "29.00 %"),
        # What was down for one check of a million was not up all the time.
        (0.999999, "99.99 %"),
        (0.000001, "0.00 %"),
    ],
)
def test_shares_are_rounded_down(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b"], "b, a"), (["a", "b", "c", "d"], "d, c and 2 earlier")]
)
def test_the_newest_are_named(names: list[str], text: str) -> None:
    assert newest(names, 2) == text
