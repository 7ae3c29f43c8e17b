"""`/tokens`: everybody's own API tokens."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from knox.models import AuthToken
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from webmonitor.authentication import TokenAuthentication
from websites import locks
from websites.api.fields import WholeNumberField
from websites.api.metadata import ActionMetadata
from websites.api.pagination import WebsitePagination
from websites.api.parameters import KnownParameters
from websites.api.serializers import StrictFields

# Every request with a token looks through its owner's tokens.
TOKENS_CAP = 100
DAYS_MAX = 3650


class TokenSerializer(serializers.ModelSerializer[Any]):
    key = serializers.CharField(source="token_key", read_only=True, help_text="The first characters of the token.")

    class Meta:
        model = AuthToken
        fields: tuple[str, ...] = ("key", "created", "expiry")
        read_only_fields = fields


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(read_only=True, help_text="The whole token. It is shown here and never again.")

    class Meta(TokenSerializer.Meta):
        fields = ("token", *TokenSerializer.Meta.fields)
        read_only_fields = fields


class TokenWishSerializer(StrictFields):
    expires_in_days = WholeNumberField(
        required=False, min_value=1, max_value=DAYS_MAX, help_text="365 where it is not named."
    )


@extend_schema_view(
    list=extend_schema(description="Your tokens; never their secrets."),
    destroy=extend_schema(
        description="Revoke one of your tokens.",
        parameters=[OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH)],
    ),
)
class TokenViewSet(
    KnownParameters,
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Any],
):
    """Your own tokens. A token may do what you may do."""

    queryset = AuthToken.objects.none()
    serializer_class: Any = TokenSerializer
    pagination_class = WebsitePagination
    metadata_class = ActionMetadata
    permission_classes = (IsAuthenticated,)
    filter_backends = ()
    lookup_field = "token_key"
    lookup_url_kwarg = "key"
    lookup_value_regex = "[A-Za-z0-9_]+"

    def get_queryset(self) -> Any:
        return AuthToken.objects.filter(user=self.request.user.pk).order_by("-created", "digest")

    def get_serializer_class(self) -> Any:
        return TokenWishSerializer if self.action == "create" else super().get_serializer_class()

    @extend_schema(request=TokenWishSerializer, responses={201: OpenApiResponse(NewTokenSerializer, "The new token.")})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a token. Sign in with a password or a session: a stolen token makes no more tokens."""
        if isinstance(request.successful_authenticator, TokenAuthentication):
            raise PermissionDenied("A token cannot make tokens: sign in with your password.")
        wish = self.get_serializer(data=request.data)
        wish.is_valid(raise_exception=True)
        days = wish.validated_data.get("expires_in_days")
        lifetime = settings.REST_KNOX["TOKEN_TTL"] if days is None else timedelta(days=days)
        with transaction.atomic():
            # One after the other, as they are counted, and while there is somebody to have them.
            if not locks.hold_to_change(User, [request.user.pk]):
                raise NotAuthenticated
            self.get_queryset().filter(expiry__lt=timezone.now()).delete()
            if self.get_queryset().count() >= TOKENS_CAP:
                raise ValidationError(f"You have {TOKENS_CAP} tokens. Revoke some that you no longer use.")
            entry, entry.token = AuthToken.objects.create(request.user, expiry=lifetime)
        return Response(NewTokenSerializer(entry).data, status=status.HTTP_201_CREATED)

    def get_object(self) -> Any:
        try:
            return self.get_queryset().get(token_key=self.kwargs["key"])
        except AuthToken.DoesNotExist as error:
            raise NotFound("You have no token with this key.") from error
