"""Files of an old system, with every defect of legacy stock (DOMAIN §2f), and what each defect must come to."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from licence_service.document.standin import person
from licence_service.identifiers import birth_date_of, sex_of
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.stock.declared import read_plan
from licence_service.stock.office import Delivery
from licence_service.stock.sources import open_source
from licence_service.store.clients import Client
from licence_service.store.stock_rows import StockRun

ROW = dict[str, str]
COUNTIES = ("519902", "519903", "519904")
HEADINGS = (
    "序号", "区县代码", "姓名", "性别", "出生日期", "住址", "身份证号", "证号", "从业类别", "初领日期", "有效期起", "有效期止", "发证机关", "发证日期", "文号",
    "照片",
)  # fmt: skip
PLAN = """
system = "运政在线"
county = "区县代码"
ignored = ["序号"]

[fields]
person_name = "姓名"
sex = { column = "性别", codes = { M = "1", F = "2" } }
birth_date = "出生日期"
nationality = { value = "中国" }
address = "住址"
citizen_id = "身份证号"
license_no = "证号"
qualification_categories = "从业类别"
first_issue_date = "初领日期"
valid_from = "有效期起"
valid_to = "有效期止"
issuer_name = "发证机关"
issue_date = "发证日期"
photo = "照片"

[decision]
number = "文号"
legal_basis = { value = "中华人民共和国道路运输条例第九条" }
officer = { value = "存量转换" }
"""
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES, _NAMES = "陈林周吴郑王冯褚卫蒋", "安途明远思齐若水文博嘉禾"


def citizen_id(number: int, born: str = "") -> str:
    """Return a correct number; `born` as YYYYMMDD."""
    born = born or f"{1965 + number % 35}{number % 12 + 1:02d}{number % 28 + 1:02d}"
    body = f"5199{number // 20_000 % 90 + 2:02d}{born}{number % 1000:03d}"
    return body + "10X98765432"[sum(int(one) * weight for one, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def clean(number: int) -> ROW:
    """Return a row without a fault; its spellings are those of an old system."""
    identity = citizen_id(number)
    born = birth_date_of(identity)
    return {
        "序号": str(number), "区县代码": COUNTIES[number % 3], "姓名": _SURNAMES[number % 10] + _NAMES[number % 12],
        "性别": {"1": "男", "2": "Ｆ"}[sex_of(identity)], "出生日期": born.replace("-", "/"), "住址": f"示例省蜀安市青溪区和平巷{number}号",
        "身份证号": identity, "证号": f"５１９９{number:015d}" if number % 2 else f"5199{number:015d}",
        "从业类别": "02001、03001", "初领日期": "2014年6月2日", "有效期起": "2024.3.1", "有效期止": "2030-2-28", "发证机关": "蜀安市交通局",
        "发证日期": "二〇二四年三月一日", "文号": f"蜀交许〔2024〕{number}号", "照片": "one.jpg",
    }  # fmt: skip


def of_today(rows: Sequence[ROW]) -> list[ROW]:
    """Return rows for a world of the machine's own day: what begins, ends and was issued lies as many years later as have gone by since 2026."""
    years = beijing_day(datetime.now(UTC)).year - 2026
    return [{**row, **{name: _later(row[name], years) for name in ("有效期起", "有效期止", "发证日期")}} for row in rows]


def _later(day: str, years: int) -> str:
    if day.startswith("9999"):  # without end
        return day
    chinese = "〇一二三四五六七八九"
    year = day[:4].translate(str.maketrans(chinese, "0123456789"))
    later = str(int(year) + years)
    return (later if year == day[:4] else later.translate(str.maketrans("0123456789", chinese))) + day[4:]


Spoil = Callable[[ROW, int], Mapping[str, str]]
DEFECTS: dict[str, Spoil] = {  # rule that must block the row → what is wrong with it
    "citizen-id-15-digits": lambda row, _: {"身份证号": row["身份证号"][:6] + row["身份证号"][8:17]},
    "wrong-check-digit": lambda row, _: {"身份证号": row["身份证号"][:17] + ("1" if row["身份证号"][17] != "1" else "2")},
    "unknown-organ": lambda _row, _: {"发证机关": "蜀安市交通管理总署办公室"},
    "endless-date": lambda _row, _: {"有效期止": "9999-12-31"},
    "dates-out-of-order": lambda _row, _: {"发证日期": "2031-01-01"},
    "expired": lambda _row, _: {"有效期止": "2025-01-01"},
    "birth-implausible": lambda _row, number: _born(number, "19010101"),
    "private-use-character": lambda row, _: {"姓名": row["姓名"] + "\ue123"},
    "pinyin-in-name": lambda row, _: {"姓名": row["姓名"][0] + "YAN"},
    "photo-missing": lambda _row, number: {"照片": "" if number % 2 else "../../etc/passwd"},
    "photo-stretched": lambda _row, _: {"照片": "wide.jpg"},
    "photo-broken": lambda _row, _: {"照片": "broken.jpg"},
    "not-in-dictionary": lambda _row, _: {"从业类别": "02001、开飞机"},
    "at-odds": lambda _row, _: {"出生日期": "1960-01-01"},
    "missing": lambda _row, _: {"住址": ""},
    "not-a-date": lambda _row, _: {"初领日期": "二月三十日"},
    "decision-missing": lambda _row, _: {"文号": ""},
}


def _born(number: int, born: str) -> ROW:
    identity = citizen_id(number, born)
    return {"身份证号": identity, "出生日期": birth_date_of(identity), "性别": {"1": "男", "2": "女"}[sex_of(identity)]}


@dataclass
class Stock:
    """Rows and what each must come to: the rule that blocks it, or None."""

    rows: list[ROW] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)

    def add(self, row: ROW, rule: str | None = None) -> None:
        """Add a row."""
        self.rows.append(row)
        self.expected.append(rule)

    def lines(self) -> Iterator[tuple[int, ROW, str | None]]:
        """Yield line of the file, row, rule."""
        yield from ((number, row, rule) for number, (row, rule) in enumerate(zip(self.rows, self.expected, strict=True), 2))


def dirty(good: int, of_each: int = 2) -> Stock:
    """Return rows with every defect that a row of people can have, among good ones."""
    stock = Stock()
    number = 1
    for _ in range(good):
        stock.add(clean(number))
        number += 1
    for _ in range(of_each):
        for rule, spoil in DEFECTS.items():
            row = clean(number)
            stock.add({**row, **spoil(row, number)}, rule)
            number += 1
        first, second = clean(number), {**clean(number + 1), "证号": clean(number)["证号"]}
        stock.add(first, "twice-in-the-stock")
        stock.add(second, "twice-in-the-stock")
        one = clean(number + 2)
        stock.add(one, "person-with-two")
        person_too = {name: one[name] for name in ("身份证号", "出生日期", "性别")}
        stock.add({**clean(number + 3), **person_too}, "person-with-two")
        merged = {**clean(number + 4), "区县代码": "519921"}
        stock.add(merged)  # a warning only: its successor owns it
        number += 5
    return stock


def photos(folder: Path) -> Path:
    """Write the photos that rows name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.jpg").write_bytes(person())
    target = io.BytesIO()
    Image.new("RGB", (300, 150), "grey").save(target, "JPEG")
    (folder / "wide.jpg").write_bytes(target.getvalue())
    (folder / "broken.jpg").write_bytes(person()[:200])
    return folder


def carried(service: Service, caller: Client, slug: str, folder: Path, tell: Callable[[str], None] = lambda _: None) -> StockRun:
    """Carry a stock from its file to its release, whoever began it: load, judge, draw, sign off, release."""
    stock = replace(service.stock(), told=tell)
    stock = replace(stock, office=replace(stock.office, part=30))
    plan = read_plan(PLAN.encode(), stock.office.template(slug))
    source = open_source(folder / "stock.csv")
    run = stock.office.load(caller, slug, Delivery(source, plan, "装载人甲", folder / "photos"), lambda name, _: tell(name))
    for one in stock.sample(run):
        if one.signed_at is None:
            stock.sign_off(run, one.county, "核验人乙")
    stock.release(caller, run, lambda name, _: tell(name), chunk=15)
    return run


def as_csv(rows: Sequence[ROW], encoding: str = "gb18030", headings: Sequence[str] = HEADINGS) -> bytes:
    """Return a CSV file."""
    target = io.StringIO(newline="")
    writer = csv.DictWriter(target, headings)
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue().encode(encoding)


def as_ndjson(rows: Sequence[ROW]) -> bytes:
    """Return NDJSON."""
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def as_workbook(rows: Sequence[Sequence[object]], *, more: Mapping[str, bytes] | None = None, prolog: str = "") -> bytes:
    """Return a workbook whose first sheet has these rows: texts shared or inline, numbers, and days (`date` in a cell of a day's style)."""
    shared: list[str] = []
    lines = []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, value in enumerate(row):
            where = f"{chr(65 + place)}{number}"
            if isinstance(value, str) and place % 2:
                cells.append(f'<c r="{where}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            elif isinstance(value, str):
                shared.append(value)
                cells.append(f'<c r="{where}" t="s"><v>{len(shared) - 1}</v></c>')
            elif isinstance(value, tuple):  # a serial number shown as a day
                cells.append(f'<c r="{where}" s="1"><v>{value[0]}</v></c>')
            elif value is not None:
                cells.append(f'<c r="{where}"><v>{value}</v></c>')
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{relation}"><sheets><sheet name="一" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f"<sst {main}>{''.join(f'<si><t>{escape(one)}</t></si>' for one in shared)}</sst>",
        "xl/worksheets/sheet1.xml": f"{prolog}<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>",
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {**parts, **(more or {})}.items():
            packed.writestr(name, content)
    return target.getvalue()
