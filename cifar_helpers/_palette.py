"""Colours of figures and cards. Apart from the figures, whose packages take half a second to be imported."""

from typing import Final

PALETTE: Final[list[str]] = [
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#ca9161",
    "#fbafe4",
    "#949494",
    "#ece133",
    "#56b4e9",
]
"""Colours that stay apart for colour-blind readers (Wong, 2011), as seaborn's palette `colorblind` has them."""
SIGNED: Final = "PuOr_r"
"""Colour map for numbers with a sign: purple below zero, white at zero, orange above."""
