"""What holds for every room's tests."""

import os
import shutil
import signal

import pytest
from hypothesis import settings

CHROMIUM_FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"]  # fmt: skip

# A deadline for one example measures the machine, not the code.
settings.register_profile("nbmon", deadline=None)
settings.load_profile("nbmon")

# A shell without job control starts its background with both ignored, and programs inherit that.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium: one for all tests of a process, in which playwright can be begun only once."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's chromium is not installed: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_FLAGS, chromium_sandbox=os.geteuid() != 0
        )
        yield opened
        opened.close()
