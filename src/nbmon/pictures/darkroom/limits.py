"""What a picture, and all pictures together, may take. Plain values."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one job, and of the broker."""

    pixels: int = 100_000_000  # of a source, as its header says
    frames: int = 1_000  # of an animation
    decoded_pixels: int = 2_000_000_000  # of all frames of a source together, one after the other
    moving_pixels: int = 64_000_000  # of all frames of a result together, held in memory at once
    source_bytes: int = 512 * MIB
    result_bytes: int = 64 * MIB
    metadata_bytes: int = 1 * MIB  # of an ICC profile or an EXIF block that is looked at
    segments_bytes: int = 16 * MIB  # of all that stands before a JPEG's pixels
    seconds: float = 20.0  # by the clock, from its start
    cpu_seconds: int = 20
    at_once: int = 0  # jobs; 0: as many as there are cores
    queue: int = 256  # different jobs that wait
    clients: int = 2_048  # requests that wait for one of them

    def too_many(self, size: tuple[int, int]) -> str:
        """The sentence for a picture of more pixels than `pixels`."""
        most = f"{self.pixels / 1e6:g} million together are the most that is processed here."
        return f"The picture has {size[0]} by {size[1]} pixels; {most}"


DEFAULT_LIMITS = Limits()

BASE_BYTES = 512 * MIB  # of address space: Python, Pillow, the codecs' tables and threads' stacks
BYTES_A_PIXEL = 16  # of a source: Pillow has four, and a turned, a premultiplied and a converted copy beside


def memory(limits: Limits, pixels: int) -> int:
    """Bytes of address space for a source of so many pixels, as its header says."""
    return BASE_BYTES + BYTES_A_PIXEL * min(pixels, limits.pixels) + 4 * limits.moving_pixels
