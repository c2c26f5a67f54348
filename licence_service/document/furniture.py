"""What stands on every kind of page: frame, specimen marks, code, seal, plate chip, photograph (LOOK §5 to §8, §11)."""

from functools import lru_cache

from licence_service.document import artwork, code, impression
from licence_service.document.fonts import Fonts
from licence_service.document.placed import Area, Disc, Letters, Photo, Stamp, Symbol
from licence_service.document.setting import Fit, fit
from licence_service.document.slate import Slate
from licence_service.document.strokes import PT
from licence_service.document.styles import INK, SPECIMEN, WHITE, Type
from licence_service.document.wording import dated, formatted
from licence_service.identifiers import grouped
from licence_service.page import Align, Chip, Code, Frame, Page, Picture, Seal, Style, Table, placeholders
from licence_service.template import Template

SCAN, SCAN_EN, CHECK = "扫码核验", "Scan to verify", "查验码"
BELOW_CAPTION = "扫码核验　查验码"
ADVICE = "证照是否有效，以核验结果为准"
PREVIEW, NO_PHOTO = "预览", "无照片"
TAG = "样本 SPECIMEN　不具法律效力"
ENDORSED_BY, ENDORSED_ON = "签注机关", "签注日期"
# Baselines beside the plate, mm under its upper edge: scan, its English, host, caption, then the code.
_BESIDE = (6.2, 10.2, 14.4, 20.6, 26.6, 32.2)
_STACKED = (3.2, 6.4, 9.8, 15.6, 20.6, 25.6, 30.6)
_BELOW = (4.3, 8.4, 11.8)
_ASIDE = {"A4": 4.0, "A5": 3.6}
CHIP_FACE = "hei-500"
_LETTERS_MIDDLE = 0.37  # of the size: how far the middle of a plate's letters stands above their baseline
_LABEL_GAP = 3.0
_LABEL_GIVES = {"A4": 12.0, "A5": 2.0}  # mm by which a long issuer may push its label to the left


def artwork_of(slate: Slate, frame: Frame) -> artwork.Artwork:
    """Return the drawing of a frame."""
    return artwork.frame(slate.family, slate.page.sheet, frame.medallion)


def place_frame(slate: Slate, frame: Frame) -> None:
    """Set the artwork; write the cartouche and, on specimens and previews, all their marks (LOOK §11)."""
    slate.artwork = artwork_of(slate, frame)
    sheet = artwork.SHEETS[slate.page.sheet]
    if slate.sheet.specimen or slate.sheet.preview:
        _specimen(slate, frame, sheet)
    type_ = slate.type_("cartouche")
    words = f"{slate.words['$category']} · {slate.words['$family']}"
    room = sheet.cartouche_width - sheet.cartouche_height
    size = (fit(slate.fonts, type_, words, room) or Fit(type_.floor, ())).size
    baseline = sheet.band_centre + 0.36 * size / PT
    slate.write(words, type_, sheet.width / 2, baseline, align="center", size=size)


def _specimen(slate: Slate, frame: Frame, sheet: artwork.Sheet) -> None:
    middle = (sheet.width / 2, sheet.height / 2)
    for word in artwork.SPECIMEN_WORDS[slate.page.sheet]:
        slate.items.append(
            Letters(
                word.text, "song-700", word.size_pt, middle[0], middle[1] - word.baseline, word.tracking,
                artwork.SPECIMEN_FILL, artwork.SPECIMEN_OUTLINE, artwork.SPECIMEN_OUTLINE_PT, artwork.SPECIMEN_ANGLE, middle,
            )
        )  # fmt: skip
    large = slate.page.size == "A4"
    type_ = Type("hei-500", 10 if large else 6, 6)
    height, pad = (7.5, 3.0) if large else (4.8, 1.8)
    wide = slate.width(type_, TAG) + 2 * pad
    x, y = frame.tag
    left = x - wide if x > middle[0] else x
    slate.items.append(Area(left, y, wide, height, fill=WHITE, stroke=SPECIMEN, points=1.0))
    slate.write(TAG, type_, left + pad, y + height / 2 + 0.36 * type_.size / PT, colour=SPECIMEN)


def place_code(slate: Slate, element: Code) -> None:
    """Place plate, code, host and check code; a preview has an empty plate (LOOK §7, §11)."""
    place_plate(slate, element)
    place_check(slate, element)


def plates_of(template: Template) -> list[tuple[float, float, float, float]]:
    """Return where the plates of the codes stand on the pages of a template: left, top, right and bottom, mm."""
    plates = [(element, _plate(page)) for page in template.pages for element in page.elements if isinstance(element, Code)]
    return list(dict.fromkeys((one.x, one.y, one.x + plate.side, one.y + plate.side) for one, plate in plates))


def _plate(page: Page) -> code.Plate:
    return code.PLATE_A4 if page.size == "A4" else code.PLATE_A5


def place_plate(slate: Slate, element: Code) -> None:
    """Place all but the characters of the check code."""
    plate = _plate(slate.page)
    x, y, side = element.x, element.y, plate.side
    out = code.PLATE_RULE_PT / PT / 2  # the rule runs around the plate, so that all four quiet modules are white
    slate.items.append(
        Area(x - out, y - out, side + 2 * out, side + 2 * out, fill=code.PLATE_FILL, stroke=slate.family.rule, points=code.PLATE_RULE_PT)
    )
    text = slate.sheet.code_text
    if text is None:
        slate.write(PREVIEW, slate.type_("blank"), x + side / 2, y + side / 2 + 1, align="center")
    else:
        slate.items.append(Symbol(text, x, y + side, side))
    if element.caption == "below":
        _caption_below(slate, x + side / 2, y + side, side)
    elif element.caption == "stacked":
        _caption_stacked(slate, x + side + _ASIDE[slate.page.size], y)
    else:
        _caption_beside(slate, x + side + _ASIDE[slate.page.size], y)


def place_check(slate: Slate, element: Code) -> None:
    """Place the characters of the check code."""
    if slate.sheet.check_code is not None:
        style, align = check_style(element)
        for text, x, y in check_lines(slate, element, slate.sheet.check_code):
            slate.write(text, slate.type_(style), x, y, align=align)


def check_style(element: Code) -> tuple[Style, Align]:
    """Return what the characters of the check code are set in, and how they are aligned."""
    return "check_stacked" if element.caption == "stacked" else "check", "center" if element.caption == "below" else "left"


def check_lines(slate: Slate, element: Code, check: str) -> list[tuple[str, float, float]]:
    """Return the lines of a check code, each with where it is aligned and its baseline, mm."""
    side, groups = _plate(slate.page).side, grouped(check)
    x, y = element.x + side + _ASIDE[slate.page.size], element.y
    if element.caption == "below":
        return [(groups, element.x + side / 2, y + side + _BELOW[1])]
    if element.caption == "stacked":
        return [(group, x, y + _STACKED[4 + number]) for number, group in enumerate(groups.split())]
    return [(groups, x, y + _BESIDE[4])]


def _caption_beside(slate: Slate, x: float, y: float) -> None:
    slate.write(SCAN, slate.type_("scan"), x, y + _BESIDE[0])
    slate.write(SCAN_EN, slate.type_("scan_en"), x, y + _BESIDE[1])
    slate.write(slate.sheet.host, slate.type_("host"), x, y + _BESIDE[2])
    slate.write(ADVICE, slate.type_("note"), x, y + _BESIDE[5])
    if slate.sheet.check_code:
        slate.write(CHECK, slate.type_("caption"), x, y + _BESIDE[3])


def _caption_below(slate: Slate, x: float, y: float, side: float) -> None:
    for number, line in enumerate(_host_lines(slate, side)):
        slate.write(line, slate.type_("host"), x, y + _BELOW[2] + 2.4 * number, align="center")
    slate.write(BELOW_CAPTION if slate.sheet.check_code else SCAN, slate.type_("caption"), x, y + _BELOW[0], align="center")


def _caption_stacked(slate: Slate, x: float, y: float) -> None:
    slate.write(SCAN, slate.type_("scan"), x, y + _STACKED[0])
    slate.write(SCAN_EN, slate.type_("scan_en"), x, y + _STACKED[1])
    for number, line in enumerate(_host_lines(slate, 24.0)):
        slate.write(line, slate.type_("host"), x, y + _STACKED[2] + 2.4 * number)
    if slate.sheet.check_code:
        slate.write(CHECK, slate.type_("caption"), x, y + _STACKED[3])


def _host_lines(slate: Slate, room: float) -> tuple[str, ...]:
    """Return the host on one line, or broken after a dot."""
    host, type_ = slate.sheet.host, slate.type_("host")
    if slate.width(type_, host) <= room:
        return (host,)
    cuts = [place + 1 for place, character in enumerate(host) if character == "."]
    fitting = [cut for cut in cuts if slate.width(type_, host[:cut]) <= room]
    return (host[: fitting[-1]], host[fitting[-1] :]) if fitting else (host,)


def place_seal(slate: Slate, seal: Seal) -> None:
    """Place the impression, then issuer and date through its bands, their labels left of it (LOOK §6)."""
    diameter = slate.measures.seal
    type_ = slate.type_("issuer")
    issuer, issued, labels = signing(slate, seal)
    label_type = slate.type_("label_dense" if slate.page.size == "A4" else "label")
    names = placeholders(seal.issuer)
    room = seal.right - seal.label_x + _LABEL_GIVES[slate.page.size]
    found = fit(slate.fonts, type_, issuer, room)
    if found is None:
        slate.fault(names, "does-not-fit", "the name is too long for the line through the seal")
        found = Fit(type_.floor, (issuer,))
    wide = slate.width(type_, issuer, found.size)
    x = seal.right - max(diameter, wide) / 2
    stamp = _stamp(slate, diameter)
    if stamp:
        slate.items.append(Stamp(stamp, x, seal.y))
    label_x = min(seal.label_x, x - max(diameter, wide) / 2 - _LABEL_GAP)
    for text, label, band, size, shown in (
        (issuer, labels[0], impression.BAND_ISSUER, found.size, names),
        (issued, labels[1], impression.BAND_DATE, type_.size, placeholders(seal.issued)),
    ):
        middle = seal.y + band * diameter
        slate.write(label, label_type, label_x, middle + 0.36 * label_type.size / PT, align="right")
        slate.write(text, type_, x, middle + 0.36 * size / PT, align="center", size=size, fields=shown)


def signing(slate: Slate, seal: Seal) -> tuple[str, str, tuple[str, str]]:
    """Return issuer, date and their labels: of the newest endorsement on this page, or of the issue."""
    kinds = {kind for element in slate.page.elements if isinstance(element, Table) for kind in element.kinds}
    printed = [each for each in slate.sheet.endorsements if each.kind.slug in kinds]
    if seal.endorsed and printed:
        newest = max(printed, key=lambda each: each.occurred_on)
        return newest.accepted_by, dated(newest.occurred_on), (ENDORSED_BY, ENDORSED_ON)
    fields = slate.sheet.template.fields
    labels = (
        seal.issuer_label or fields[placeholders(seal.issuer)[0]].label,
        seal.issued_label or fields[placeholders(seal.issued)[0]].label,
    )
    return slate.fill(seal.issuer, "—").text, slate.fill(seal.issued, "—").text, labels


def _stamp(slate: Slate, diameter: float) -> impression.Impression | None:
    department = slate.sheet.department
    if missing := slate.fonts.missing("song-700", department):
        slate.no_glyph(missing, ("department.name",))
        return None
    try:
        return _drawn(slate.fonts, department, diameter, slate.sheet.specimen or slate.sheet.preview)
    except ValueError:
        slate.fault(("department.name",), "does-not-fit", f"a seal holds names of 1 to {impression.LONGEST_NAME} characters")
        return None


@lru_cache(maxsize=256)
def _drawn(fonts: Fonts, department: str, diameter: float, specimen: bool) -> impression.Impression:  # noqa: FBT001 - part of the key
    return impression.impression(department, diameter, lambda text, size: fonts.width("song-700", text) * size, specimen=specimen)


def place_chip(slate: Slate, chip: Chip) -> None:
    """Draw the plate in its registered colour; its letters are a picture, the number stands as text below (LOOK §13)."""
    face, fields = slate.sheet.face, slate.sheet.template.fields
    if chip.field not in face:
        return
    ground, ink = chip.colours.get(str(face.get(chip.colour_field)), (WHITE, INK))
    plate = formatted(fields[chip.field], face[chip.field])
    head, tail = plate[:2], plate[2:]
    gap = 0.3  # em, for the dot, which is drawn
    left, right = slate.fonts.width(CHIP_FACE, head), slate.fonts.width(CHIP_FACE, tail)
    size = min(27.0, (chip.width - 5) * PT / (left + right + gap))
    em, middle = size / PT, chip.y + chip.height / 2
    left, right = left * em, right * em
    start = chip.x + (chip.width - left - right - gap * em) / 2
    baseline = middle + _LETTERS_MIDDLE * em
    slate.items += [
        Area(chip.x, chip.y, chip.width, chip.height, fill=ground, stroke=ink, points=0.6, radius=2.0),
        Area(chip.x + 0.9, chip.y + 0.9, chip.width - 1.8, chip.height - 1.8, stroke=ink, points=0.6, radius=1.4),
        Letters(head, CHIP_FACE, size, start + left / 2, baseline, 0.0, ink),
        Disc(start + left + gap * em / 2, middle, 0.08 * em, fill=ink),
        Letters(tail, CHIP_FACE, size, start + left + gap * em + right / 2, baseline, 0.0, ink),
    ]


def place_picture(slate: Slate, picture: Picture) -> None:
    """Place a photograph in its rule, or an empty frame that says so (LOOK §10)."""
    jpeg = slate.sheet.photos.get(picture.field)
    x, y, wide, high = picture.x, picture.y, picture.width, picture.height
    if jpeg is None:
        slate.items.append(Area(x, y, wide, high, fill=WHITE, stroke=slate.family.rule))
        slate.write(NO_PHOTO, slate.type_("blank"), x + wide / 2, y + high / 2 + 1, align="center")
        return
    # Before everything else, so that it can cover nothing and the specimen's words run over it.
    slate.under[:0] = [Photo(picture.field, jpeg, x, y, wide, high), Area(x, y, wide, high, stroke=slate.family.rule)]
