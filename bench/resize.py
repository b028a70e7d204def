"""Pillow and pyvips side by side on the same pictures: CPU time, memory, bytes, likeness to a float reference.

`python -m bench.resize` needs pyvips, pyvips-binary, numpy and scikit-image beside Pillow; without them it says
so. The photographs are scikit-image's own (free licences), enlarged to what cameras make. Each task runs in a
process of its own, as it does in the darkroom; the median of several. SSIM compares with the same resize of
the whole picture by Lanczos' filter in floating point, before any encoder.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

RUNS = 5
QUALITY = 80
SIZES = {"2 MP": (1_732, 1_155), "12 MP": (4_000, 3_000), "24 MP": (6_000, 4_000)}


def pillow(source: str, width: int, out: str, *, gap: float = 3.0) -> None:
    from PIL import Image

    with Image.open(source) as picture:
        height = round(picture.height * width / picture.width)
        picture.draft(None, (width, height))
        small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=gap)
    if out.endswith(".avif"):
        small.save(out, quality=60, speed=9, max_threads=1)
    elif out.endswith(".webp"):
        small.save(out, quality=78, method=4)
    else:
        small.save(out, quality=QUALITY, optimize=True)


def vips(source: str, width: int, out: str) -> None:
    import pyvips

    pyvips.cache_set_max(0)
    picture = pyvips.Image.thumbnail(source, width, size="down")
    if out.endswith(".avif"):
        picture.write_to_file(out, Q=60, effort=1, strip=True)
    elif out.endswith(".webp"):
        picture.write_to_file(out, Q=78, effort=4, strip=True)
    else:
        picture.write_to_file(out, Q=QUALITY, optimize_coding=True, strip=True)


LIBRARIES: dict[str, Callable[[str, int, str], None]] = {"Pillow": pillow, "pyvips": vips}


def prepared(name: str) -> None:
    """What is loaded before the first picture."""
    if name == "Pillow":
        from PIL import AvifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401
    else:
        os.environ["VIPS_CONCURRENCY"] = "1"
        import pyvips  # noqa: F401


def once(task: Callable[[], None]) -> tuple[float, float]:
    """CPU seconds and peak megabytes of `task`, in a process of its own."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        before = resource.getrusage(resource.RUSAGE_SELF)
        task()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        os.write(write, f"{spent} {after.ru_maxrss / 1e3}".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    told = os.read(read, 100).split()
    os.close(read)
    return float(told[0]), float(told[1])


def measured(name: str, source: str, width: int, out: str) -> tuple[float, float]:
    runs = [once(lambda: LIBRARIES[name](source, width, out)) for _ in range(RUNS)]
    return statistics.median(r[0] for r in runs), max(r[1] for r in runs)


def likeness(source: str, result: str) -> float:
    import numpy
    from PIL import Image
    from skimage.metrics import structural_similarity

    with Image.open(result) as small, Image.open(source) as whole:
        size = small.size
        bands = [
            band.convert("F").resize(size, Image.Resampling.LANCZOS) for band in whole.convert("RGB").split()
        ]
        exact = numpy.stack([numpy.clip(numpy.asarray(band), 0, 255) for band in bands], axis=2)
        had = numpy.asarray(small.convert("RGB"), dtype=numpy.float64)
    return float(structural_similarity(exact, had, channel_axis=2, data_range=255))


def photographs(folder: Path) -> list[tuple[str, str]]:
    """Label and path of each source."""
    import skimage.data
    from PIL import Image

    picture = Image.fromarray(skimage.data.astronaut())
    found = []
    for label, size in SIZES.items():
        path = folder / f"{label.replace(' ', '')}.jpg"
        grain = Image.effect_noise(size, 10).convert("RGB")
        Image.blend(picture.resize(size, Image.Resampling.BICUBIC), grain, 0.1).save(path, quality=90)
        found.append((label, str(path)))
    return found


def main() -> None:
    try:
        import numpy  # noqa: F401
        import pyvips  # noqa: F401
        import skimage  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error.name} is missing: pip install pyvips pyvips-binary numpy scikit-image")
    print(
        "| source | result | library | CPU, ms | peak, MB | bytes | SSIM |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory() as place:
        for label, source in photographs(Path(place)):
            for width, suffix in ((320, "jpg"), (512, "jpg"), (320, "webp"), (320, "avif")):
                row(place, label, source, width, suffix)
    mixed()


def row(place: str, label: str, source: str, width: int, suffix: str) -> None:
    for name in LIBRARIES:
        prepared(name)
        out = f"{place}/{name}.{suffix}"
        seconds, peak = measured(name, source, width, out)
        what = f"{1e3 * seconds:.1f} | {peak:.0f} | {Path(out).stat().st_size} | {likeness(source, out):.4f}"
        print(f"| {label} JPEG | {width} px {suffix} | {name} | {what} |", flush=True)


def mixed() -> None:
    """Pictures a second of one core, 2 to 24 megapixels in turn, to 512 pixels."""
    with tempfile.TemporaryDirectory() as place:
        sources = photographs(Path(place))
        for name in LIBRARIES:
            spent = sum(measured(name, source, 512, f"{place}/out.jpg")[0] for _, source in sources)
            print(
                f"\n{name}: {len(sources) / spent:.1f} pictures a second of one core, 2, 12 and 24 MP in turn"
            )


if __name__ == "__main__":
    main()
