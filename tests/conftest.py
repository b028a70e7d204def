"""What holds for every room's tests."""

from hypothesis import settings

# A deadline for one example measures the machine, not the code.
settings.register_profile("nbmon", deadline=None)
settings.load_profile("nbmon")
