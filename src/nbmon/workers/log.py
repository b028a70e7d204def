"""The master's lines in the common log, which is stderr."""

from __future__ import annotations

import sys
import time


def say(text: str) -> None:
    """One entry, with the time; further lines are set in."""
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    plain = "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text.rstrip("\n"))
    try:
        sys.stderr.write(f"{when} " + plain.replace("\n", "\n    ") + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # a full disk, or nobody reads: the workers matter more
        pass
