"""What holds for every room's tests."""

import signal

from hypothesis import settings

# A deadline for one example measures the machine, not the code.
settings.register_profile("nbmon", deadline=None)
settings.load_profile("nbmon")

# A shell without job control starts its background with both ignored, and programs inherit that.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
