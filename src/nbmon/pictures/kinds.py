"""What kind of content a file is, by its name and its first bytes, and what a browser may do with it.

The rule, in this order: a picture's own first bytes say which picture it is, whatever its suffix claims;
else the suffix decides; else nothing is claimed (`application/octet-stream`). First bytes are only ever
taken for a picture, never for HTML, SVG or a script, so no disguise turns a file into something that
runs, and `nosniff` keeps browsers from guessing further. What does run (HTML, SVG, XML) is served
sandboxed: strangers may be able to write to the folder. This file opens nothing and knows no request.
"""

from __future__ import annotations

SNIFF_BYTES = 32  # from the start of a file: enough for every signature below

UNKNOWN = b"application/octet-stream"
HTML = b"text/html; charset=utf-8"
SVG = b"image/svg+xml"
TIFF = b"image/tiff"

# Names as registered with IANA, or as browsers agree on where nothing is registered.
BY_SUFFIX: dict[bytes, bytes] = {
    # pictures
    b"jpg": b"image/jpeg",
    b"jpeg": b"image/jpeg",
    b"jpe": b"image/jpeg",
    b"jfif": b"image/jpeg",
    b"png": b"image/png",
    b"apng": b"image/apng",
    b"gif": b"image/gif",
    b"webp": b"image/webp",
    b"avif": b"image/avif",
    b"jxl": b"image/jxl",
    b"heic": b"image/heic",
    b"heif": b"image/heif",
    b"bmp": b"image/bmp",
    b"ico": b"image/x-icon",
    b"tif": b"image/tiff",
    b"tiff": b"image/tiff",
    b"svg": SVG,
    # cameras' raw files; nothing but jpegs of their previews is ever made of them
    b"nef": b"image/x-nikon-nef",
    b"nrw": b"image/x-nikon-nrw",
    b"cr2": b"image/x-canon-cr2",
    b"cr3": b"image/x-canon-cr3",
    b"arw": b"image/x-sony-arw",
    b"dng": b"image/x-adobe-dng",
    b"pef": b"image/x-pentax-pef",
    b"srw": b"image/x-samsung-srw",
    b"raf": b"image/x-fuji-raf",
    b"rw2": b"image/x-panasonic-rw2",
    # film and sound
    b"mp4": b"video/mp4",
    b"m4v": b"video/mp4",
    b"webm": b"video/webm",
    b"ogv": b"video/ogg",
    b"mov": b"video/quicktime",
    b"mkv": b"video/x-matroska",
    b"avi": b"video/x-msvideo",
    b"mp3": b"audio/mpeg",
    b"m4a": b"audio/mp4",
    b"ogg": b"audio/ogg",
    b"oga": b"audio/ogg",
    b"opus": b"audio/ogg",
    b"flac": b"audio/flac",
    b"wav": b"audio/wav",
    # what lies beside pictures
    b"txt": b"text/plain; charset=utf-8",
    b"log": b"text/plain; charset=utf-8",
    b"md": b"text/markdown; charset=utf-8",
    b"csv": b"text/csv; charset=utf-8",
    b"vtt": b"text/vtt; charset=utf-8",
    b"srt": b"application/x-subrip",
    b"html": HTML,
    b"htm": HTML,
    b"xhtml": b"application/xhtml+xml",
    b"css": b"text/css; charset=utf-8",
    b"js": b"text/javascript; charset=utf-8",
    b"mjs": b"text/javascript; charset=utf-8",
    b"json": b"application/json",
    b"geojson": b"application/geo+json",
    b"gpx": b"application/gpx+xml",
    b"xml": b"application/xml",
    b"xmp": b"application/rdf+xml",
    b"pdf": b"application/pdf",
    b"zip": b"application/zip",
    b"gz": b"application/gzip",
    b"tar": b"application/x-tar",
}

# What every current browser shows in <img>; jxl, heic and tiff are not among them, and are made into what is.
SHOWN = frozenset(
    (
        b"image/jpeg",
        b"image/png",
        b"image/apng",
        b"image/gif",
        b"image/webp",
        b"image/avif",
        b"image/bmp",
        b"image/x-icon",
        SVG,
    )
)

# What a browser would run or render as a document. XML may carry XSLT, and XHTML or SVG by its namespace.
_ACTIVE = (b"text/html", b"+xml", b"/xml")
SANDBOX = (
    b"sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

# What TIFF's first bytes leave to the suffix: the raw formats that build on it.
_TIFFS = frozenset(
    b"image/x-" + name
    for name in (
        b"nikon-nef",
        b"nikon-nrw",
        b"canon-cr2",
        b"sony-arw",
        b"adobe-dng",
        b"pentax-pef",
        b"samsung-srw",
    )
)
# What the first bytes overrule: not TIFF, on which other formats build, and not APNG, which is PNG to them.
_DISGUISED = {kind for kind in BY_SUFFIX.values() if kind.startswith(b"image/")}
_DISGUISED -= {SVG, b"image/apng", b"image/tiff"}

_SIGNATURES: tuple[tuple[bytes, bytes], ...] = (
    (b"\xff\xd8\xff", b"image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", b"image/png"),
    (b"GIF87a", b"image/gif"),
    (b"GIF89a", b"image/gif"),
    (b"II*\0", b"image/tiff"),
    (b"MM\0*", b"image/tiff"),
    (b"IIU\0", b"image/x-panasonic-rw2"),
    (b"FUJIFILMCCD-RAW ", b"image/x-fuji-raf"),
    (b"\xff\x0a", b"image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", b"image/jxl"),
)
# ISO 14496-12 `ftyp` brands, ISO 23000-22 (HEIF) and the AV1 image format.
_BRANDS: dict[bytes, bytes] = {
    b"avif": b"image/avif",
    b"avis": b"image/avif",
    b"heic": b"image/heic",
    b"heix": b"image/heic",
    b"mif1": b"image/heif",
    b"crx ": b"image/x-canon-cr3",
}


def suffix_of(name: bytes) -> bytes:
    """The name's suffix in lower case, without the dot; empty if there is none."""
    return name.rpartition(b".")[2].lower() if b"." in name else b""


def sniff(start: bytes) -> bytes | None:
    """The kind of raster picture that `start`, a file's first SNIFF_BYTES, belongs to; None if to none."""
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return b"image/webp"
    if start[4:8] == b"ftyp":
        return _by_brand(start)
    if start[:2] == b"BM" and start[6:10] == b"\0\0\0\0":
        return b"image/bmp"
    return None


def _by_brand(start: bytes) -> bytes | None:
    """AVIF may call itself `mif1` first and name avif only among the compatible brands."""
    major = _BRANDS.get(start[8:12])
    if major == b"image/heif" and b"avif" in (start[16:20], start[20:24], start[24:28], start[28:32]):
        return b"image/avif"
    return major


def kind_of(name: bytes, start: bytes) -> bytes:
    """The content type of a file called `name` that begins with `start` (SNIFF_BYTES of it)."""
    by_name = BY_SUFFIX.get(suffix_of(name))
    if by_name is None or by_name in _DISGUISED:
        found = sniff(start)
        return by_name if found == TIFF and by_name in _TIFFS else found or by_name or UNKNOWN
    return by_name


def shown_by_name(name: bytes) -> bool:
    """Whether browsers show a file of that name as a picture."""
    return BY_SUFFIX.get(suffix_of(name)) in SHOWN


def picture_by_name(name: bytes) -> bool:
    """Whether a file of that name is a picture, whoever can show it."""
    return BY_SUFFIX.get(suffix_of(name), b"").startswith(b"image/")


def film_by_name(name: bytes) -> bool:
    """Whether a page offers a file of that name as a film to be played."""
    return BY_SUFFIX.get(suffix_of(name), b"").startswith(b"video/")


def fields_for(kind: bytes) -> list[tuple[bytes, bytes]]:
    """The fields that keep a browser from doing more with the content than `kind` says."""
    fields = [(b"X-Content-Type-Options", b"nosniff")]
    if any(mark in kind for mark in _ACTIVE):
        fields.append((b"Content-Security-Policy", SANDBOX))
    return fields
