"""The words that some options take, as types; `service.WORDS` has them for a record that is read."""

from typing import Literal

Kind = Literal["pictures", "class", "command"]
Auto = Literal["auto"]  # as many workers as there are processors
Model = Literal["coroutine", "thread", "process"]
AccessLogFormat = Literal["combined", "json"]
Processed = Literal["all", "presets", "none"]
Restart = Literal["permanent", "transient", "temporary"]  # as workers have it
