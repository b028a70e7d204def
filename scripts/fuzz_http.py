"""Fuzz the HTTP room for as long as you like.

    python scripts/fuzz_http.py [SECONDS]     mutated cases, with plain random numbers; 60 seconds by default
    python scripts/fuzz_http.py --atheris …   guided by coverage, if atheris is installed; libFuzzer's options

A finding is printed as bytes that can be put into tests/support/http_cases.py.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.mutations import Choices, conversation, mutate, pieces


def once(data):
    """One round, steered by `data`."""
    choices = Choices(data[1:])
    request = mutate(choices, data[0] % 7 if data else 0)
    for half_close in (False, True):
        whole = conversation([request], half_close)
        if conversation(pieces(request, choices), half_close) != whole:
            raise AssertionError("how the bytes are cut makes a difference")
    return request


def random_rounds(seconds):
    """Plain random numbers until the time is over."""
    end, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data = os.urandom(80)
        try:
            once(data)
        except Exception:
            print(f"found by {data!r}:\n{mutate(Choices(data[1:]), data[0] % 7)!r}", file=sys.stderr)
            raise
        rounds += 1
    print(f"{rounds} rounds in {seconds:g} s, nothing found")


def guided(words):
    """Guided by coverage."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed; pip install atheris, or leave out --atheris")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *words], lambda data: once(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--atheris"]:
        guided(sys.argv[2:])
    else:
        random_rounds(float(sys.argv[1]) if sys.argv[1:] else 60.0)
