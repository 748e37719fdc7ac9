"""Adds to the generated stubs: channels, errors with their details, and imports."""

from .channel import open_channel
from .errors import CallFailure, Violation, failure_of
from .imports import import_users

__all__ = ["CallFailure", "Violation", "failure_of", "import_users", "open_channel"]
