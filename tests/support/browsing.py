"""For tests in a browser: waiting without `eval`, which the pages' policy forbids."""

from __future__ import annotations

from typing import Any

from support.proc import wait_until


def until(page: Any, expression: str) -> None:
    """Wait until the expression is true in the page."""

    def holds() -> bool:
        if page.evaluate(expression):
            return True
        page.wait_for_timeout(20)  # milliseconds; lets playwright hear what the page says
        return False

    wait_until(holds, what=expression)
