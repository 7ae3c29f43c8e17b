"""Services that answer 200, and say in the body whether that means anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitoring.tests.receivers import LOOPBACK, MESSAGE
from monitoring.tests.services import World


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.PROBE_ALLOWED_NETWORKS = LOOPBACK
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("url", "host", "body", "is_accepted"),
    [
        ("dingtalk://" + "a" * 64, "oapi.dingtalk.com", {"errcode": 0, "errmsg": "ok"}, True),
        (
            "dingtalk://" + "a" * 64,
            "oapi.dingtalk.com",
            {"errcode": 310000, "errmsg": "keywords not in content"},
            False,
        ),
        ("wecombot://" + "a" * 36, "qyapi.weixin.qq.com", {"errcode": 0, "errmsg": "ok"}, True),
        ("wecombot://" + "a" * 36, "qyapi.weixin.qq.com", {"errcode": 93000, "errmsg": "invalid webhook url"}, False),
        ("pushdeers://push.example/" + "a" * 36, "push.example", {"code": 0, "content": {"result": []}}, True),
        ("pushdeers://push.example/" + "a" * 36, "push.example", {"code": 80501, "error": "token错误"}, False),
        (
            "vonage://abcdefgh:ABCDEFGHIJKLMNOP@15551231234/15551231235",
            "rest.nexmo.com",
            {"message-count": "1", "messages": [{"status": "0"}]},
            True,
        ),
        (
            "vonage://abcdefgh:ABCDEFGHIJKLMNOP@15551231234/15551231235",
            "rest.nexmo.com",
            {"message-count": "1", "messages": [{"status": "4", "error-text": "Bad Credentials"}]},
            False,
        ),
        (
            "clicksend://user:key@15551231234",
            "rest.clicksend.com",
            {"http_code": 200, "data": {"queued_count": 1, "messages": [{"status": "SUCCESS"}]}},
            True,
        ),
        (
            "clicksend://user:key@15551231234",
            "rest.clicksend.com",
            {"http_code": 200, "data": {"queued_count": 0, "messages": [{"status": "INVALID_RECIPIENT"}]}},
            False,
        ),
        ("seven://" + "a" * 25 + "/15551231234", "gateway.seven.io", {"success": "100"}, True),
        ("seven://" + "a" * 25 + "/15551231234", "gateway.seven.io", {"success": "900"}, False),
        ("schan://" + "a" * 24, "sctapi.ftqq.com", {"code": 0, "data": {"errno": 0}}, True),
        ("schan://" + "a" * 24, "sctapi.ftqq.com", {"code": 40001, "message": "bad pushtoken"}, False),
        ("join://" + "a" * 32, "joinjoaomgcd.appspot.com", {"success": True}, True),
        ("join://" + "a" * 32, "joinjoaomgcd.appspot.com", {"success": False, "errorMessage": "No key"}, False),
        ("synologys://chat.example/" + "a" * 20, "chat.example", {"success": True}, True),
        ("synologys://chat.example/" + "a" * 20, "chat.example", {"success": False, "error": {"code": 404}}, False),
        ("onesignal://app@key/%23Active", "api.onesignal.com", {"id": "b98881cc", "errors": {"invalid": ["x"]}}, True),
        ("onesignal://app@key/%23Active", "api.onesignal.com", {"id": "", "errors": ["not subscribed"]}, False),
        ("msg91://" + "a" * 20 + "@" + "b" * 23 + "/15551231234", "control.msg91.com", {"type": "success"}, True),
        ("msg91://" + "a" * 20 + "@" + "b" * 23 + "/15551231234", "control.msg91.com", {"type": "error"}, False),
        ("burstsms://key:secret@15551231234/15551231235", "api.transmitsms.com", {"error": {"code": "SUCCESS"}}, True),
        (
            "burstsms://key:secret@15551231234/15551231235",
            "api.transmitsms.com",
            {"error": {"code": "AUTH_FAILED"}},
            False,
        ),
    ],
)
def test_a_service_that_answers_200_and_refuses_in_the_body_has_refused(
    url: str, host: str, body: dict[str, Any], is_accepted: bool, world: World
) -> None:
    receipt, received = world.sent(host, url, MESSAGE, json.dumps(body).encode())
    assert received
    assert receipt.is_delivered is is_accepted
    assert receipt.detail.endswith(
        " accepted the message." if is_accepted else " answered 200, but refused the message."
    )


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"messages": [1], "errcode": null}', b'"ok"'])
def test_an_answer_of_another_form_is_no_refusal(answer: bytes, world: World) -> None:
    receipt, _ = world.sent(
        "rest.nexmo.com", "vonage://abcdefgh:ABCDEFGHIJKLMNOP@15551231234/15551231235", MESSAGE, answer
    )
    assert receipt.is_delivered
