"""What `OPTIONS` says of a view."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request, clone_request


class ActionMetadata(SimpleMetadata):
    """Describes the body of each POST and PUT by the action that reads it.

    The framework takes every PUT for one on an object of the path; a list's names its object in the body.
    """

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """Fields by method, for the methods that the caller may use."""
        action = view.action
        found = {}
        for method in ("POST", "PUT"):
            if method not in view.allowed_methods:
                continue
            view.request, view.action = clone_request(request, method), view.action_map[method.lower()]
            try:
                view.check_permissions(view.request)
                if method == "PUT" and view.detail:
                    view.get_object()
                found[method] = self.get_serializer_info(view.get_serializer())
            except (APIException, PermissionDenied, Http404):  # not for this caller, or there is no such thing
                continue
            finally:
                view.request, view.action = request, action
        return found
