"""Monthly reports: how websites were, and which incidents they had, to be handed on as files."""
