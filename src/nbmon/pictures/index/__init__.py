"""Lists of large folders, made in the background and kept in a file, so that a page of a million is quick."""

from nbmon.pictures.index.reading import Index, index_file

__all__ = ["Index", "index_file"]
