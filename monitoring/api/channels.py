"""Channels over HTTP: whom to tell of what. Where they lead is written and never read."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.utils.html import is_html_input

from monitoring.api.scope import WITH_WEBSITE_IDS, ScopeSerializer, ScopeViewSet, flag
from monitoring.channel_secrets import SECRET_MAX_LENGTH, hint, seal
from monitoring.models import Channel, ChannelKind, Delivery
from monitoring.models.notifications import TARGET_MAX_LENGTH, check_together
from monitoring.notifications import deliveries
from websites.api.fields import WordField
from websites.api.permissions import ChangePermissions

SECRET_BOX: dict[str, Any] = {"base_template": "secret.html"}
TARGET = (
    "E-mail addresses with commas between, a webhook's URL, or an Apprise URL. "
    "Kept encrypted and never answered; a channel of another kind needs another one."
)
SIGNED_WITH = (
    "What a webhook's messages are signed with. Kept encrypted. Where a webhook is made without one, or with null or "
    "blank given for it, one is made, and answered here once and never again."
)


class SecretField(serializers.CharField):
    """What is written and not shown: an empty box of a form leaves what there is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(style=SECRET_BOX, **kwargs)

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        return empty if value in ("", None) and is_html_input(dictionary) else value


class ChannelSerializer(ScopeSerializer):
    # A secret that was made just now.
    _made = ""

    kind = WordField(ChannelKind.choices, help_text="What it leads to.")
    target = SecretField(write_only=True, max_length=TARGET_MAX_LENGTH, help_text=TARGET)
    target_hint = serializers.SerializerMethodField(help_text="Enough of the target to tell channels apart.")
    secret = SecretField(
        required=False, allow_null=True, allow_blank=True, max_length=SECRET_MAX_LENGTH, help_text=SIGNED_WITH
    )
    has_secret = serializers.SerializerMethodField()
    is_active = flag(Channel, "is_active")
    wants_down = flag(Channel, "wants_down")
    wants_up = flag(Channel, "wants_up")
    wants_slow = flag(Channel, "wants_slow")
    wants_value = flag(Channel, "wants_value")
    wants_certificate = flag(Channel, "wants_certificate")

    class Meta:
        model = Channel
        fields = (
            "id",
            "name",
            "kind",
            "target",
            "target_hint",
            "secret",
            "has_secret",
            "is_active",
            "wants_down",
            "wants_up",
            "wants_slow",
            "wants_value",
            "wants_certificate",
            "delay",
            "reminder_interval",
            "quiet_from",
            "quiet_until",
            "time_zone",
            "tags",
            "websites",
            "for_all",
            "created_at",
        )

    def get_target_hint(self, channel: Channel) -> str:
        return hint(channel)

    def get_has_secret(self, channel: Channel) -> bool:
        return bool(channel.secret)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        channel = self.instance or Channel()
        secret = attrs["secret"] or "" if "secret" in attrs else None
        sealed = seal(channel, attrs.get("kind", channel.kind), attrs.get("target", ""), secret)
        check_together(vars(channel) | attrs)
        attrs |= self.whom(attrs)
        self._made = sealed.made
        return attrs | {"target": sealed.target, "secret": sealed.secret}

    def to_representation(self, instance: Channel) -> dict[str, Any]:
        """Without the secret, but where it was made just now."""
        shown: dict[str, Any] = super().to_representation(instance)
        del shown["secret"]
        return shown | {"secret": self._made} if self._made else shown


class ReceiptSerializer(serializers.Serializer[Any]):
    is_delivered = serializers.BooleanField(read_only=True)
    detail = serializers.CharField(read_only=True, help_text="What the receiver, or the way to it, said.")


@extend_schema_view(
    list=extend_schema(description="All channels, by name, a page at a time."),
    create=extend_schema(description="Add a channel. Of a webhook without a secret, the answer has the one made."),
    retrieve=extend_schema(description="One channel."),
    update=extend_schema(
        description="Change a channel. What is not named stays as it is.", request=ChannelSerializer(partial=True)
    ),
    partial_update=extend_schema(description="Change a channel. What is not named stays as it is."),
    destroy=extend_schema(description="Delete a channel, with all that was and was to be sent to it."),
)
class ChannelViewSet(ScopeViewSet):
    """Whom to tell, of which websites, and of what."""

    queryset = Channel.objects.prefetch_related(WITH_WEBSITE_IDS)
    serializer_class: Any = ChannelSerializer
    no_such: ClassVar[str] = "There is no such channel."

    @extend_schema(request=None, responses=ReceiptSerializer)
    @action(detail=True, methods=["post"], permission_classes=[ChangePermissions], serializer_class=Serializer)
    def test(self, request: Request, pk: str) -> Response:
        """Send a message that says that it is a test, and tell what became of it: within 15 seconds or so."""
        try:
            delivery = deliveries.send_test(self.get_object())
        except Channel.DoesNotExist as error:
            raise NotFound(self.no_such) from error
        attempt = delivery.attempt_set.last()
        detail = "The channel was deleted meanwhile." if attempt is None else attempt.detail
        return Response({"is_delivered": delivery.status == Delivery.Status.SENT, "detail": detail})
