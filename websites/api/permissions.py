"""Who may do what: Django's model permissions, reading included."""

from rest_framework.permissions import DjangoModelPermissions

VIEW = ["%(app_label)s.view_%(model_name)s"]
CHANGE = ["%(app_label)s.change_%(model_name)s"]


class ModelPermissions(DjangoModelPermissions):
    """Django REST framework lets everybody signed in read; here reading asks for the view permission."""

    perms_map = {  # noqa: RUF012
        **DjangoModelPermissions.perms_map,
        "GET": VIEW,
        "HEAD": VIEW,
        "OPTIONS": VIEW,
    }


class ChangePermissions(ModelPermissions):
    """For actions on an object that exists: a POST there changes it and adds nothing."""

    perms_map = {**ModelPermissions.perms_map, "POST": CHANGE}  # noqa: RUF012
