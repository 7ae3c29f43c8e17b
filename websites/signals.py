"""What happened to websites, sent inside the transaction in which it happened.

Django's own `post_save` and `post_delete` miss every bulk path; these two are sent by
`Website` and by its queryset alike, once a call, whatever the number of websites. So is what is about to happen.
"""

from django.dispatch import Signal

# Sent with `website_ids: list[int]` after websites were created or changed.
websites_saved = Signal()
# Sent with `website_ids: list[int]` before websites are deleted, while it is known what was theirs.
websites_deleting = Signal()
# Sent with `website_ids: list[int]` after websites were deleted.
websites_deleted = Signal()
