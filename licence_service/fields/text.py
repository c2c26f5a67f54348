"""What text may be, and when two texts are the same.

The written rule: text is kept on the face exactly as given, except that spaces around it are dropped, since nobody
can see them. It is *compared* (numbers, names, searches, the second idempotency key) in one canonical form, in which
full-width equals half-width, spaces do not count, and every look-alike of the dot in minority names is U+00B7.
"""

import re
import unicodedata

# U+00B7 and what keyboards put in its place: bullet, hyphenation point, katakana dots, operators, Greek ano teleia.
_DOTS = dict.fromkeys(map(ord, "\u2022\u2027\u2219\u22c5\u30fb\uff65\u0387\u2e31\u2e33\u16eb\u1427"), "\u00b7")

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0\u180b\u180c\u180d\u180f\u2800"
)
_IN_FORM = re.compile("[\t-\r -~\u4e00-\u9fa5\u00b7]*")  # NFKC leaves these as they are, and so their capitals
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))  # variation selectors
_JOINED = re.compile("<[a-z]+> [0-9A-F]+ [0-9A-F]")  # whoever reads a page gives several characters back
_VERTICAL = frozenset("\u3031\u3032\u3033\u3034\u3035")  # kana repeat marks: on a line they lie over the label above
_IDEOGRAPHS = range(0x20000, 0x3FFFE)
# Nothing of these is ever at fault: ASCII, ideographs, the middle dot, dashes, quotation marks, brackets, full-width forms.
_COMMON = re.compile("[ -~\u00b7\u00d7\u2014\u2018\u2019\u201c\u201d\u2026\u3001\u3002\u3008-\u3011\u3014-\u3017\u4e00-\u9fa5\uff01-\uff5e]*")


def fault_in(text: str) -> tuple[str, str] | None:
    """Return (code, message) of the first thing that no licence may carry, or None.

    Messages name code points, never the text around them.
    """
    if _COMMON.fullmatch(text):  # as nearly every text does
        return None
    for character in text:
        if character.isascii() and character.isprintable():
            continue
        if found := _unfit(character, unicodedata.category(character)) or _unreadable(character):
            return found
    return None


def _unfit(character: str, category: str) -> tuple[str, str] | None:
    """Return what is wrong with a character that is none, or that nobody sees."""
    if category == "Cs":
        return "lone-surrogate", "half of a surrogate pair is no character"
    if character in _BIDI:
        return "bidi-control", f"U+{ord(character):04X} changes the direction of the text"
    if category in {"Cc", "Zl", "Zp"}:
        return "control-character", f"U+{ord(character):04X} is a control character"
    if category == "Co":
        return "private-use-character", f"U+{ord(character):04X} has no meaning outside the system that made it"
    if category == "Cf" or character in _INVISIBLE or any(ord(character) in each for each in _SELECTORS):
        return "invisible-character", f"U+{ord(character):04X} cannot be seen on paper"
    # Planes 2 and 3 are ideographs only; newer ones than this Python knows are judged by the fonts.
    if category == "Cn" and ord(character) not in _IDEOGRAPHS:
        return "unassigned-character", f"U+{ord(character):04X} is not an assigned character"
    return None


def _unreadable(character: str) -> tuple[str, str] | None:
    """Return what is wrong with a character that a reader of the page does not give back, or that does not keep to its line."""
    if character.isalpha() and _JOINED.match(unicodedata.decomposition(character)):
        return "joined-letters", f"U+{ord(character):04X} is several letters in one; write the letters"
    if character in _VERTICAL:
        return "vertical-character", f"U+{ord(character):04X} is as tall as two lines and stands in vertical text only"
    return None


def comparison_form(text: str) -> str:
    """Return the form in which texts are compared: NFKC, dots unified, no spaces, upper case."""
    if _IN_FORM.fullmatch(text):  # as nearly every text is, but for spaces and small letters
        return "".join(text.upper().split())
    while (folded := _folded(text)) != text:  # dropping a space or raising a letter can leave more to compose
        text = folded
    return text


def _folded(text: str) -> str:
    raised = unicodedata.normalize("NFKC", text.translate(_DOTS)).upper()
    return "".join(unicodedata.normalize("NFKC", raised).translate(_DOTS).split())
