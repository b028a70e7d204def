"""The live table as a page in a browser of this machine."""

from nbmon.services.watching.web.guard import Secrets
from nbmon.services.watching.web.site import Site

__all__ = ["Secrets", "Site"]
