"""What is to be done with a picture, as a value. Pure; the parameters' words are read elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

LARGEST_SIDE = 8_192  # pixels, of a result
LARGEST_DPR = 5.0
LONGEST_RECT = 65_535  # pixels, of a source's side
STRONGEST_BLUR = 100.0  # pixels, of the radius
STRONGEST_SHARP = 100
LAST_FRAME = 10_000

FITS = ("clip", "crop", "max", "fill")
EDGES = ("top", "bottom", "left", "right")
GRAVITIES = (*EDGES, "entropy", "focalpoint")
FORMATS = ("jpg", "png", "webp", "avif", "gif")
LOSSY = ("jpg", "webp", "avif")
LQIPS = ("blur", "thumbhash")

# Measured, see docs/pictures.md: sizes that look alike. AVIF's scale is another one than JPEG's.
QUALITY = {"jpg": 80, "webp": 78, "avif": 60}
COMPRESSED = {"jpg": 62, "webp": 58, "avif": 45}  # auto=compress


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the result looks like; the defaults change nothing."""

    w: int | None = None  # pixels, of the result
    h: int | None = None
    fit: str = "clip"
    crop: tuple[str, ...] = ()
    fp_x: float | None = None  # 0 left, 1 right
    fp_y: float | None = None
    bg: str | None = None  # rrggbb
    dpr: float = 1.0
    fm: str | None = None
    q: int | None = None
    auto_format: bool = False
    auto_compress: bool = False
    blur: float = 0.0  # pixels
    sharp: int = 0
    rot: int = 0  # degrees, clockwise
    flip: str = ""
    rect: tuple[int, int, int, int] | None = None  # x, y, width, height in pixels of the upright source
    frame: int | None = None  # from 1
    lqip: str = ""
    enlarge: bool = False
    meta: bool = False  # keep

    @property
    def resizes_only(self) -> bool:
        """Whether nothing but a size, a format and a resolution is asked for."""
        plain = Recipe(
            self.w, self.h, self.fit, dpr=self.dpr, fm=self.fm, auto_format=self.auto_format,
            enlarge=self.enlarge, meta=self.meta,
        )  # fmt: skip
        return self == plain and self.fit in ("clip", "max")

    @property
    def shows_all(self) -> bool:
        """Whether the result shows the whole picture, as it is."""
        changed = (self.rect, self.rot, self.flip, self.blur, self.lqip, self.bg, self.frame not in (None, 1))
        return not any(changed) and self.fit in ("clip", "max")

    def box(self) -> tuple[int | None, int | None]:
        """Width and height in the result's pixels, `dpr` taken in."""
        return tuple(None if side is None else round(side * self.dpr) for side in (self.w, self.h))  # type: ignore[return-value]  # two sides

    def settled(self, fm: str) -> Recipe:
        """The same result, said in one way: in the format `fm`, with everything in it that was left open."""
        w, h = self.box()
        q = self.q
        if q is None and fm in LOSSY and not self.lqip:
            q = (COMPRESSED if self.auto_compress else QUALITY)[fm]
        return replace(
            self, w=w, h=h, dpr=1.0, blur=round(self.blur * self.dpr, 2), fm=fm, q=q, auto_format=False,
            fit="clip" if self.fit == "max" else self.fit,
        )  # fmt: skip

    def changed(self) -> dict[str, Any]:
        """What differs from a recipe that changes nothing, in the fields' order."""
        plain = asdict(Recipe())
        return {key: value for key, value in asdict(self).items() if value != plain[key]}

    def normal(self) -> str:
        """One text for one result."""
        return repr(self.changed())
