import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings

from monitoring.channel_secrets import hint, seal
from monitoring.models import Channel, ChannelKind
from websites.encryption import decrypt, encrypt


@pytest.mark.parametrize(
    ("kind", "target", "shown"),
    [
        ("email", "anna@example.org", "a***@example.org"),
        ("email", "anna@example.org,\nb@example.com ,", "a***@example.org, b***@example.com"),
        ("webhook", "https://hooks.example.org/services/T0/s3cr3t?key=s3cr3t", "https://hooks.example.org/…"),
        ("webhook", "http://127.0.0.1:8080/s3cr3t", "http://127.0.0.1:8080/…"),
        ("webhook", "http://[::1]/s3cr3t", "http://[::1]/…"),
        ("webhook", "HTTPS://me:s3cr3t@Hooks.example.org/", "https://hooks.example.org/…"),
        ("webhook", "https://[s3cr3t/", "https://…"),
        ("apprise", "tgram://s3cr3t/chat", "tgram://…"),
        ("apprise", "https://discord.com/api/webhooks/1/s3cr3t", "https://…"),
        ("apprise", "s3cr3t", "…"),
    ],
)
def test_a_hint_tells_channels_apart_and_no_secret(kind: str, target: str, shown: str) -> None:
    assert hint(Channel(kind=kind, target=encrypt(target))) == shown


def test_a_target_that_cannot_be_read_says_so() -> None:
    with override_settings(SECRET_KEY="another one, and long enough for everything"):
        stored = encrypt("anna@example.org")
    assert "SECRET_KEY has changed" in hint(Channel(kind="email", target=stored))


def test_a_new_webhook_gets_a_secret_of_its_own() -> None:
    one, other = (seal(Channel(), "webhook", "https://example.org/", secret) for secret in (None, ""))
    assert decrypt(one.target) == "https://example.org/"
    assert decrypt(one.secret) == one.made
    assert len(one.made) >= 43
    assert one.made != other.made


def test_what_is_kept_stays_and_what_is_given_replaces_it() -> None:
    kept = Channel(kind="webhook", target=encrypt("https://example.org/"), secret=encrypt("old"))
    assert seal(kept, "webhook", "", None) == (kept.target, kept.secret, "")
    new = seal(kept, "webhook", "https://example.com/", "new")
    assert (decrypt(new.target), decrypt(new.secret), new.made) == ("https://example.com/", "new", "")
    assert seal(kept, "webhook", "", "").made
    # Another kind has no use for the secret.
    assert seal(kept, "email", "anna@example.org", None).secret == ""


@pytest.mark.parametrize(
    ("kind", "target", "secret", "field"),
    [
        (ChannelKind.EMAIL, "", None, "target"),
        (ChannelKind.WEBHOOK, "ftp://s3cr3t/", None, "target"),
        (ChannelKind.APPRISE, "nonsense://s3cr3t", None, "target"),
        (ChannelKind.EMAIL, "anna@example.org", "s3cr3t", "secret"),
    ],
)
def test_what_does_not_fit_is_refused_beside_its_field(kind: str, target: str, secret: str | None, field: str) -> None:
    kept = Channel(kind="webhook", target=encrypt("https://example.org/"), secret=encrypt("old"))
    with pytest.raises(ValidationError) as refusal:
        seal(kept, kind, target, secret)
    assert list(refusal.value.message_dict) == [field]
    assert "s3cr3t" not in str(refusal.value)
