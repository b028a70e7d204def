"""Applications around an application: who may ask, for whom, with which fields, under which path.

Each takes a `Request` and gives a `Response`, and passes on what the memo needs (`state_of`, `heeds`) where
its own answer follows from the same. What a person writes is read by each one's `parse`, which raises
WrongOption with a finished sentence.
"""

from nbmon.serve.wrappers.auth import Auth, Passwords, Private
from nbmon.serve.wrappers.basepath import BasePath
from nbmon.serve.wrappers.cachecontrol import CacheControl
from nbmon.serve.wrappers.common import WrongOption
from nbmon.serve.wrappers.cors import Cors
from nbmon.serve.wrappers.headers import Headers

__all__ = ["Auth", "BasePath", "CacheControl", "Cors", "Headers", "Passwords", "Private", "WrongOption"]
