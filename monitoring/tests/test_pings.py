"""Words of websites, in chats that make more of words than to show them."""

import dataclasses
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from monitoring.notifications.pings import harmless
from monitoring.tests.receivers import LOOPBACK, MESSAGE
from monitoring.tests.services import DISCORD, TELEGRAM, World

PINGING = (
    "@everyone @here @room @all @channel @ann @**all** @[ann] <@123> <@&456> <!channel> <!here|x> <users/all> "
    '<at user_id="all"></at> (met)all(met) [CQ:at,qq=all] [here](https://evil.example/) <https://evil.example/|here>'
)
PINGS = re.compile(r"@[\w*\[]|<[@!#]|<users/|<at\b|\((?:met|rol)\)|\[CQ:|\]\(|<https?:[^>]*\|")


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Käse & <Brot> *500* :smile: a@ b", "Käse & <Brot> *500* :smile: a@ b"),
        ("@everyone", "@ everyone"),
        ("ann@example.org", "ann@ example.org"),
        ("https://a.example/@ann?b=@here", "https://a.example/%40ann?b=%40here"),
        ("<!channel> <users/all> <AT id=1>", "< !channel> < users/all> < AT id=1>"),
        ("[a](https://b.example/) [a][b]", "[a] (https://b.example/) [a] [b]"),
        ("(met)all(met) [CQ:at]", "( met)all( met) [ CQ:at]"),
    ],
)
def test_a_space_takes_the_effect_away(text: str, result: str) -> None:
    assert harmless(text) == result


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (TELEGRAM, "api.telegram.org"),
        (TELEGRAM + "?format=markdown", "api.telegram.org"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "hooks.slack.com"),
        ("mmosts://chat.example/" + "a" * 26, "chat.example"),
        ("rockets://" + "a" * 17 + "/" + "b" * 24 + "@chat.example/%23general?mode=webhook", "chat.example"),
        ("gchat://workspace/key/token", "chat.googleapis.com"),
        ("wxteams://" + "a" * 80, "api.ciscospark.com"),
        ("zulip://bot@org/" + "a" * 32 + "/stream", "org.zulipchat.com"),
        ("workflows://chat.example/workflow/signature", "chat.example"),
        ("lark://" + "a" * 36, "open.larksuite.com"),
        ("feishu://" + "a" * 36, "open.feishu.cn"),
        ("wecombot://" + "a" * 36, "qyapi.weixin.qq.com"),
        ("dingtalk://" + "a" * 64, "oapi.dingtalk.com"),
        ("nctalks://ann:pass@chat.example/room", "chat.example"),
        ("revolt://bot_token/" + "A" * 26, "api.revolt.chat"),
        ("onebots://chat.example/%23123", "chat.example"),
        ("guilded://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "media.guilded.gg"),
        ("misskeys://token@chat.example", "chat.example"),
        ("groupme://" + "a" * 26, "api.groupme.com"),
        ("ryver://chat/" + "a" * 15, "chat.ryver.com"),
        ("flock://" + "a" * 36, "api.flock.com"),
    ],
)
def test_the_words_of_a_page_call_nobody(url: str, host: str, world: World) -> None:
    message = dataclasses.replace(MESSAGE, title=f"Value changed: {PINGING}", text=PINGING)
    _, received = world.sent(host, url, message)
    assert received
    for post in received:
        said = unescape(unquote_plus(post.body.decode())).replace("\\u003c", "<").replace('\\"', '"')
        assert "everyone" in said
        assert not PINGS.search(said), PINGS.search(said)


@pytest.mark.parametrize("title", ["Value changed: @everyone", "Value changed: [free](https://evil.example/)"])
def test_the_words_of_a_page_call_nobody_in_discord(title: str, world: World) -> None:
    text = "@here <@123> <@&456> [here](https://evil.example/) https://a.example/@everyone"
    for options in ("", "?format=markdown"):
        message = dataclasses.replace(MESSAGE, title=title, text=text)
        _, [post] = world.sent("discord.com", DISCORD + options, message)
        said = post.json()
        assert said["allowed_mentions"] == {"parse": []}
        assert "content" not in said if options else "](" not in said["content"]
        assert not re.search(r"@(everyone|here|\d)|<@", json.dumps(said))


def test_whom_a_channel_names_is_called(world: World) -> None:
    _, [post] = world.sent("discord.com", DISCORD + "?ping=@here,<@%26456>", MESSAGE)
    assert post.json()["allowed_mentions"] == {"parse": ["everyone"], "roles": ["456"]}
    assert "@here" in post.json()["content"]
