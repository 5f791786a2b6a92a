"""One style for all figures: colours that everybody can tell apart, type that a phone can show.

The colours are those of Okabe & Ito (2008, "Color Universal Design"), which differ in lightness
as well as in hue. A band is told by its colour, a survey by its marker.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from aas2rto.text.words import one_line

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GREY = "#767676"
"""4.5 : 1 against white, the least that WCAG 2.1 allows for text."""
PALE = "#D8DCE3"

BAND_COLOURS = {
    "u": BLUE,
    "g": GREEN,
    "c": SKY,
    "r": VERMILLION,
    "o": ORANGE,
    "i": PURPLE,
    "z": BLACK,
    "y": GREY,
}
"""By the last letter of a band's name."""

MARKERS = {"ztf": "o", "atlas": "s", "lsst": "D"}
OTHER_MARKER = "^"

SITE_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
SITE_DASHES = ("-", "--", "-.", ":")

WIDTH_IN, DPI = 4.5, 240
"""1080 pixels wide, as phones are; 9 pt letters are then 1.9 mm high on a 7 cm screen."""

SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same figure on every machine
    "font.size": 9.0,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 8.5,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "#333333",
    "lines.linewidth": 1.6,
    "lines.markersize": 5.0,
    "text.usetex": False,
    "text.parse_math": False,  # a $ in a name is a $
    "axes.unicode_minus": False,
    "svg.hashsalt": "aas2rto",
}

Fingerprint = Mapping[str, Any]


@contextmanager
def applied() -> Iterator[None]:
    """Draw in this style, whatever the user's own matplotlibrc says."""
    with mpl.rc_context():
        settings: Any = mpl.rcParams
        settings.update({k: v for k, v in mpl.rcParamsDefault.items() if "backend" not in k})
        settings.update(SETTINGS)
        yield


def band_colour(band: str) -> str:
    """Return the colour of a band, by the last letter of its name."""
    return BAND_COLOURS.get(band[-1:].lower(), GREY)


def band_label(band: str) -> str:
    """Name a band for people: ``ZTF g``, ``ATLAS o``, ``LSST z``."""
    for survey in MARKERS:
        if band.startswith(survey):
            return f"{survey.upper()} {band[len(survey) :]}"
    return plain(band, 12)


def marker(survey: str) -> str:
    """Return the marker of a survey."""
    return MARKERS.get(survey.lower(), OTHER_MARKER)


def plain(text: str, most: int) -> str:
    """Return a text that can be drawn: one line, no control signs, only letters that exist.

    Parameters
    ----------
    text : str
        From anywhere.
    most : int
        Longest answer; what is cut off is marked with an ellipsis.
    """
    known = _letters()
    return "".join(c if ord(c) in known else "?" for c in one_line(text, most))


_KNOWN: frozenset[int] = frozenset()


def _letters() -> frozenset[int]:
    """Return the code points that the font has."""
    global _KNOWN  # noqa: PLW0603  read once per process
    if not _KNOWN:
        path = font_manager.findfont(SETTINGS["font.family"][0])
        _KNOWN = frozenset(FT2Font(path).get_charmap())
    return _KNOWN


class Sheet:
    """A figure that is set up once and drawn on again and again.

    Parameters
    ----------
    height : float
        [inch]; the width is always `WIDTH_IN`.
    set_up : callable
        Gets the empty figure, adds axes with whatever never changes, and returns them.

    Notes
    -----
    Neither pyplot nor a backend is involved, so that nothing global is chosen or leaks.
    """

    def __init__(self, height: float, set_up: Callable[[Figure], list[Axes]]) -> None:
        self.figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.axes = set_up(self.figure)
        self._kept = {id(artist) for artist in self._artists()}

    def _artists(self) -> list[Artist]:
        own = [artist for axes in self.axes for artist in axes.get_children()]
        return [*own, *self.figure.texts, *self.figure.legends]

    def clear(self) -> None:
        """Take away what the last drawing put on."""
        for artist in self._artists():
            if id(artist) not in self._kept:
                artist.remove()
        for axes in self.axes:
            axes.containers.clear()  # else error bars pile up there

    def title(self, heading: str, below: str) -> None:
        """Write who this is, and what is known of it."""
        height = float(self.figure.get_figheight())
        put = self.figure.text
        above = put(0.03, 1 - 0.09 / height, heading, size=12, weight="bold", va="top")
        known = put(0.03, 1 - 0.33 / height, below, size=9, color="#333333", va="top")
        for text in (above, known):
            fitted(self.figure, text, 0.94)

    def png(self, metadata: Mapping[str, str]) -> bytes:
        """Return the drawing as a PNG file.

        Parameters
        ----------
        metadata : mapping
            Texts that travel in the file.
        """
        self.canvas.draw()
        image = Image.fromarray(np.asarray(self.canvas.buffer_rgba())[..., :3])
        # 256 colours are plenty here: a third of the bytes, in half the time.
        image = image.quantize(256, method=Image.Quantize.FASTOCTREE)
        texts = PngInfo()
        for key, text in {"Software": "aas2rto", **metadata}.items():
            texts.add_text(key, text)
        buffer = io.BytesIO()
        image.save(buffer, "png", compress_level=4, pnginfo=texts)
        return buffer.getvalue()


def fitted(box: Axes | Figure, text: Text, width: float) -> None:
    """Shrink a text until it is at most so wide [fraction of the axes, or of the figure]."""
    limit = width * float(box.bbox.width)
    extent = float(text.get_window_extent().width)
    if extent > limit:
        text.set_fontsize(max(float(text.get_fontsize()) * limit / extent, 6.0))


def digest_of(value: Any) -> str:
    """Return a short hash of whatever JSON can hold."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def safe_name(text: str) -> str:
    """Return a name for files: that of the candidate, or a slug with a hash of it.

    Two names never share a file; none leads out of its folder.
    """
    slug = "".join(c if c.isascii() and (c.isalnum() or c in "+-_.") else "_" for c in text[:60])
    if slug == text and not slug.startswith("."):
        return slug
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:10]
    return f"{slug.strip('._') or 'candidate'}-{digest}"


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts in a PNG file; none if it is no PNG, or is not there."""
    try:
        with Image.open(path) as image:
            return {str(k): str(v) for k, v in image.info.items() if isinstance(v, str)}
    except (OSError, ValueError, SyntaxError):
        return {}
