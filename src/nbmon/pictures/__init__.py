"""The pictures of a folder: from a request to an answer, and from a folder to a page."""

from nbmon.pictures.beneath import NotHere, Unavailable
from nbmon.pictures.folder import Entry, Folder, FolderError
from nbmon.pictures.pictures import Pictures

__all__ = ["Entry", "Folder", "FolderError", "NotHere", "Pictures", "Unavailable"]
