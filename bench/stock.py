"""Licences to make and requests to send: each with a text and a number of its own, as real stocks have."""

import random
import re
from datetime import date, timedelta

from stdnum.cn import ric

from licence_service.demo import Moved
from licence_service.fields import Field
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client

_IDEOGRAPHS = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) if (high, low) < (0xD7, 0xFA)]
_LOADS = re.compile(r"(\d+)\+(\d+)\+(\d+)(?=\+)")


def varied(field: Field | None, value: object, dice: random.Random) -> object:
    """Return another text of the same length where the field takes any text; of loads of axles others with the same sum."""
    if isinstance(value, str) and (found := _LOADS.match(value)):
        first, second, third = map(int, found.groups())
        low, high = dice.randrange(20), dice.randrange(20)  # tenths of a tonne that move from one axle to the next
        return f"{first + low / 10:g}+{second + (high - low) / 10:g}+{third - high / 10:g}{value[found.end() :]}"
    if field is None or field.type not in {"string", "text"} or field.pattern or field.listed or field.codes or not isinstance(value, str):
        return value
    return "".join(dice.choice(_IDEOGRAPHS) if ord(each) > 0x2E80 else each for each in value)


def _renumbered(number: str, counter: int) -> str:
    """Put a counter into the longest run of digits of a number."""
    runs = sorted(re.finditer(r"\d+", number), key=lambda run: run.end() - run.start())
    if not runs:
        return f"{number}{counter}"
    start, end = runs[-1].span()
    digits = str(counter).zfill(end - start)[-(end - start) :]
    return number[:start] + digits + number[end:]


class Stock:
    """Requests for a chunk, each licence with a text and a number of its own."""

    def __init__(self, service: Service, slug: str, seed: int, first: int = 0) -> None:
        """Take the type and the first number; two stocks of one type and of different seeds begin at different numbers."""
        self.service, self.slug = service, slug
        today = beijing_day(service.now())
        self.template, sample = service.catalogue.in_force(slug, today), service.catalogue.samples[slug]
        self.body = Moved(self.template, service.catalogue.kinds, sample, today).request()
        self.client = Client(f"stock-{seed}", sample.issuer, (EVERY_TYPE,), 10**9)
        self._dice, self._made, self._seed = random.Random(seed), first, seed
        number = str(self.body["face"].get(self.template.number.field))
        citizens = {str(value) for name, value in self.body["face"].items() if self.template.fields[name].type == "citizen_id"}
        self._person = number if number in citizens else ""

    @property
    def room(self) -> int:
        """How many more numbers of this type's form there are."""
        runs = re.findall(r"\d+", str(self.body["face"][self.template.number.field]))
        return 10**9 if self._person else 10 ** max(map(len, runs), default=0) - self._made - 1

    def _identity(self) -> dict[str, str]:
        """Return another holder's number, which is the licence's too, and the birthday that it says."""
        days, sequence = divmod(self._made, 499)
        born = date(1975, 1, 1) + timedelta(days=days % 9000)
        digits = f"{self._person[:6]}{born:%Y%m%d}{2 * sequence % 998 + int(self._person[16]) % 2:03d}"
        whole = digits + ric.calc_check_digit(f"{digits}0")
        fields = self.template.fields
        said = {name: whole for name, value in self.body["face"].items() if value == self._person}
        return said | {name: born.isoformat() for name in self.body["face"] if fields[name].type == "date" and fields[name].agrees_with}

    def rows(self, count: int) -> list[tuple[str, dict[str, object]]]:
        """Return the next rows."""
        number = self.template.number.field
        fixed = {self.template.issuer_field, number, self.template.number.prefix_field}
        found = []
        for _ in range(count):
            self._made += 1
            face = {
                name: value if name in fixed else varied(self.template.fields.get(name), value, self._dice)
                for name, value in self.body["face"].items()
            }
            face |= self._identity() if self._person else {number: _renumbered(str(self.body["face"][number]), self._made)}
            found.append((f"stock-{self._seed}-{self._made:08d}", {**self.body, "case_no": f"STOCK-{self._seed}-{self._made}", "face": face}))
        return found
