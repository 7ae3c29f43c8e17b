"""Messages that are longer than their service allows."""

import dataclasses
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from monitoring.notifications.fitting import fitted, shortened
from monitoring.tests.receivers import LOOPBACK, MESSAGE
from monitoring.tests.services import DISCORD, TELEGRAM, World

FORTY = [
    f"https://shop-{number:02d}.customers.example.org/health | status 503 | since 12:00:{number}"
    for number in range(40)
]


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "limit", "result"),
    [
        ("a\nb\nc", 5, "a\nb\nc"),
        ("aaaa\nbbbb\n" + "c" * 18, 23, "aaaa\n... and 2 more."),
        ("aaaa\nbbbb\n" + "c" * 18, 27, "aaaa\nbbbb\n... and 1 more."),
        ("aaaa\nbbbb\n... and 31 more.", 25, "aaaa\n... and 32 more."),
        ("aaaa\nbbbb\n... and 31 more.", 27, "aaaa\nbbbb\n... and 31 more."),
        ("aaaaaaaaaaaa\nbbbb", 8, "aaaaa..."),
        ("aaaa bbbb", 8, "aaaa..."),
        ("aaaa", 3, ""),
    ],
)
def test_whole_lines_are_left_out_from_the_last_on_and_counted(text: str, limit: int, result: str) -> None:
    assert fitted(text, lambda words: len(words) <= limit) == result


@pytest.mark.parametrize(("limit", "result"), [(9, "aaaa bbbb"), (8, "aaaa..."), (4, "a..."), (3, "")])
def test_a_line_is_cut_where_it_must_be(limit: int, result: str) -> None:
    assert shortened("aaaa bbbb", lambda words: len(words) <= limit) == result


@pytest.mark.parametrize(
    "case",
    [
        (DISCORD, "discord.com", "content", 2000),
        (DISCORD + "?format=markdown", "discord.com", "embeds.0.description", 2000),
        (TELEGRAM, "api.telegram.org", "text", 4096),
        ("pagerduty://routing@token", "events.pagerduty.com", "payload.summary", 1024),
        ("splunk://route@token", "alert.victorops.com", "state_message", 400),
        ("46elks://user:password@15551231234", "api.46elks.com", "message.0", 160),
    ],
)
@pytest.mark.parametrize("word", ["health", "h&<*_[ä", "日本語"])
def test_a_message_fits_its_service_and_counts_what_it_leaves_out(
    case: tuple[str, str, str, int], word: str, world: World
) -> None:
    url, host, path, limit = case
    lines = [line.replace("health", word) for line in FORTY]
    message = dataclasses.replace(MESSAGE, title="Down: 71 websites", text="\n".join((*lines, "... and 31 more.")))
    _, [post] = world.sent(host, url, message, b'{"ok": true}')
    body: Any = parse_qs(post.body.decode()) if host == "api.46elks.com" else post.json()
    for name in path.split("."):
        body = body[int(name) if name.isdigit() else name]
    written_text = str(body)
    text = written_text.replace("\\", "")
    assert len(written_text) <= limit
    named = text.count("customers")
    assert f"and {71 - named} more" in text
    assert "shop-00" in text or not named


def test_a_url_may_ask_for_several_messages_instead(world: World) -> None:
    message = dataclasses.replace(MESSAGE, title="Down: 40 websites", text="\n".join(FORTY))
    _, received = world.sent("discord.com", DISCORD + "?overflow=split", message)
    assert len(received) == 2
    assert "".join(post.json()["content"] for post in received).count("customers") == 40


def test_a_long_title_is_cut(world: World) -> None:
    message = dataclasses.replace(MESSAGE, title="Down: " + "x" * 190)
    _, [post] = world.sent("alert.victorops.com", "splunk://route@token", message)
    assert post.json()["entity_display_name"] == "Down: " + "x" * 51 + "..."
