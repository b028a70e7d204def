"""What a person may be told of this room. Must not import anything."""


class ListenError(Exception):
    """A server cannot listen where it was asked to; `str(error)` is a finished sentence."""
