"""The REST routes and the live answer, for programs and for the pages; docs/rest.md describes them for callers."""

from chatcore.api.calls import Identify, LocalOwner
from chatcore.api.guard import HostGuard
from chatcore.api.routes import routes

__all__ = ["HostGuard", "Identify", "LocalOwner", "routes"]
