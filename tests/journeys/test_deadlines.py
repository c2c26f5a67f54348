"""Deadlines over seven years under a simulated clock: exactly the expected notices, none twice (DOMAIN M18)."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic

import pytest

from licence_service.store.database import Database
from licence_service.store.payload import Vault
from tests.foreseen import DRIVER, NEVER, TAXI, VEHICLE, Deed, Figures, Law, Life, Stay, expected
from tests.parts.databases import Clock
from tests.wallets import APPS, Wallets, beijing, changed, dated

START, YEARS = date(2027, 1, 4), 7
END = START + timedelta(days=YEARS * 365 + 2)
LAW = Law(Figures(30, 180, 36), Figures(60, 120, 24), date(2030, 6, 1), datetime.combine(date(2031, 5, 6), time(5)))
ENACTED = datetime.combine(date(2030, 3, 4), time(5))  # of the drivers' rule, three months ahead
SILENT = ((date(2028, 2, 10), date(2028, 2, 17)), (date(2032, 12, 28), date(2033, 1, 3)))  # the service is down
BEGINS = "number of "  # what every invented number on a face begins with


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Plan:
    """What will happen, drawn beforehand."""

    chance: random.Random
    lives: list[Life] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)  # holder → number on faces
    owners: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)  # licence → who is on its face from when on

    def day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.chance.randint(0, max(0, (last - first).days)))

    def at(self, day: date, number: int) -> datetime:
        """Return a time of that day between the service's rounds, no two of a licence the same."""
        return datetime.combine(day, time(self.chance.choice((5, 12)), number % 60))

    def maybe(self, in_hundred: int) -> bool:
        return self.chance.randint(1, 100) <= in_hundred


def planned(size: int, seed: int) -> Plan:
    """Draw the lives of so many licences."""
    plan = Plan(random.Random(seed))
    fleets = [f"fleet-{number}" for number in range(max(2, size // 100))]
    for number in range(size):
        licence_id = f"{number:020d}"
        draw = (_driver, _taxi, _vehicle)[number % 3]
        life = draw(plan, licence_id)
        owner = f"person-{number}" if number % 3 != 2 else fleets[0] if plan.maybe(30) else plan.chance.choice(fleets)
        plan.owners[licence_id] = [(datetime.combine(START, time()), owner)]
        if life.slug == VEHICLE and plan.maybe(6):
            _sold(plan, life, fleets)
        over = min((deed.at for deed in life.deeds if deed.what == "end"), default=NEVER)
        life.deeds = sorted((deed for deed in life.deeds if deed.at <= over and deed.at.date() < END), key=lambda deed: deed.at)
        _kept(plan, life)
        plan.lives.append(life)
    return plan


def _driver(plan: Plan, licence_id: str) -> Life:
    first = plan.day(START - timedelta(days=2150), START)
    ends = _after(first, 6)
    life = Life(licence_id, DRIVER, first, ends, born=plan.day(START.replace(year=START.year - 65), START.replace(year=START.year - 50)))
    _renewed(plan, life, ends, 6, late=170)
    _troubled(plan, life)
    if plan.maybe(15):
        opened = plan.day(START + timedelta(days=30), END - timedelta(days=60))
        life.deeds.append(Deed(plan.at(opened, 7), "transfer", opened + timedelta(days=30)))
        if plan.maybe(50):
            life.deeds.append(Deed(plan.at(opened + timedelta(days=plan.chance.randint(1, 30)), 8), "settle", good=plan.maybe(50)))
    return life


def _taxi(plan: Plan, licence_id: str) -> Life:
    first = plan.day(START - timedelta(days=1050), START + timedelta(days=300))
    ends = _after(first, 3)
    life = Life(licence_id, TAXI, first, ends)
    _renewed(plan, life, ends, 3, late=20)
    _troubled(plan, life)
    day, number = max(first, START), 20
    while day < END:
        day += timedelta(days=plan.chance.randint(100, 800))
        number += 1
        life.deeds.append(Deed(plan.at(day, number), "train", hours=plan.chance.choice((20, 27, 54))))
    return life


def _vehicle(plan: Plan, licence_id: str) -> Life:
    due = plan.day(START - timedelta(days=20), START + timedelta(days=370))
    life = Life(licence_id, VEHICLE, plan.day(START - timedelta(days=900), START), None, due=due)
    _troubled(plan, life)
    number = 20
    while due < END:
        number += 1
        if plan.maybe(12):
            due += timedelta(days=plan.chance.randint(100, 400))  # nobody came; it is done much later
            done = due
        else:
            done = due + timedelta(days=plan.chance.randint(-60, 20))
        done = max(done, START + timedelta(days=1))
        if life.deeds and any(deed.what == "review" and deed.at.date() >= done for deed in life.deeds):
            done = max(deed.at.date() for deed in life.deeds if deed.what == "review") + timedelta(days=1)
        due = max(due, done) + timedelta(days=plan.chance.choice((180, 365)))
        passed = not plan.maybe(7)
        life.deeds.append(Deed(plan.at(done, number), "review", due, good=passed))
        if not passed and plan.maybe(80):
            life.deeds.append(Deed(plan.at(done + timedelta(days=15), number + 20), "review", due))
    return life


def _renewed(plan: Plan, life: Life, ends: date, years: int, late: int) -> None:
    """Renew early, in time, late or never, again and again."""
    number = 0
    while ends < END and plan.maybe(78):
        number += 1
        done = max(ends + timedelta(days=plan.chance.randint(-60, late if plan.maybe(25) else 0)), START + timedelta(days=1))
        if life.deeds and done <= life.deeds[-1].at.date():
            return
        ends = _after(max(done, ends + timedelta(days=1)), years)
        life.deeds.append(Deed(plan.at(done, number), "renew", ends))


def _troubled(plan: Plan, life: Life) -> None:
    """Suspend some, for a while that some are let off, and end a few."""
    if plan.maybe(25):
        entered = plan.day(max(life.first, START) + timedelta(days=20), END - timedelta(days=300))
        first = entered + timedelta(days=plan.chance.randint(0, 10))
        last = first + timedelta(days=plan.chance.randint(1, 200))
        life.deeds.append(Deed(plan.at(entered, 11), "suspend", last, first))
        if plan.maybe(30):
            life.deeds.append(Deed(plan.at(plan.day(first + timedelta(days=1), last + timedelta(days=5)), 12), "lift", first=first))
    if plan.maybe(10):
        life.deeds.append(Deed(plan.at(plan.day(max(life.first, START) + timedelta(days=30), END), 13), "end", good=plan.maybe(50)))


def _sold(plan: Plan, life: Life, fleets: Sequence[str]) -> None:
    """Let a vehicle go to another company."""
    at = plan.at(plan.day(START + timedelta(days=100), END), 14)
    buyer = plan.chance.choice([one for one in fleets if one != plan.owners[life.licence_id][0][1]])
    life.deeds.append(Deed(at, "sell"))
    plan.owners[life.licence_id].append((at, buyer))


def _kept(plan: Plan, life: Life) -> None:
    """Have a licence claimed, given back and claimed again by who is on its face, through one app or another, or our own wallet."""
    begins = max(life.first, START) + timedelta(days=1)
    owners = plan.owners[life.licence_id]
    sold = [deed.at for deed in life.deeds if deed.what == "sell"]
    for number, (since, owner) in enumerate(owners[: 1 + len(sold)]):
        until = sold[0] if sold and number == 0 else datetime.combine(END, time())
        at = max(plan.at(begins if plan.maybe(60) else plan.day(begins, END), 40 + number), since + timedelta(hours=20))
        while at < until:
            company = owner.startswith("fleet")
            stay = Stay(owner, company, plan.chance.choice((*APPS, None)), at, until)
            life.stays.append(stay)
            if not plan.maybe(25):
                break
            stay.ends = min(until, plan.at(plan.day(at.date() + timedelta(days=1), END), 45))
            at = plan.at(stay.ends.date() + timedelta(days=plan.chance.randint(1, 200)), 46)


def _after(first: date, years: int) -> date:
    """Return the last day of a term."""
    try:
        return first.replace(year=first.year + years) - timedelta(days=1)
    except ValueError:
        return first.replace(year=first.year + years, day=28)


def rounds_of(chance: random.Random, apart: int) -> list[datetime]:
    """Return when the service does its rounds: each `apart` days by day, on some days also at night and in the afternoon; on some not at all."""
    found = []
    for number in range(0, (END - START).days, apart):
        day = START + timedelta(days=number)
        if any(first <= day <= last for first, last in SILENT):
            continue
        hours = (time(0, 30), time(9), time(15)) if chance.randint(1, 5) == 1 else (time(9),)
        found += [datetime.combine(day, hour) for hour in hours]
    return found


class Simulation:
    """Carries a plan out against the service, which is begun anew and killed again and again."""

    def __init__(self, plan: Plan, open_database: Callable[[], Database], seed: int) -> None:
        self.plan, self.open, self.chance = plan, open_database, random.Random(seed)
        self.clock = Clock(beijing(datetime.combine(START, time())))
        self.wallets = Wallets(open_database(), Vault(b"v" * 32), self.clock)
        self.wallets.begin()
        self.ids: dict[str, str] = {}
        self.kills = 0

    def number(self, owner: str) -> str:
        """Return what stands on a face for somebody."""
        return f"{BEGINS}{owner}"

    def holder(self, owner: str) -> str:
        if owner not in self.ids:
            self.ids[owner] = self.wallets.holder(self.number(owner), company=owner.startswith("fleet"))
        return self.ids[owner]

    def run(self, rounds: Sequence[datetime]) -> None:
        """Let everything happen in its order."""
        happens: list[tuple[datetime, int, Callable[[], None]]] = []
        for life in self.plan.lives:
            happens += self._of_life(life)
        happens += [(ENACTED, 0, self._drivers_law), (LAW.cycle_at, 0, self._cycle_law)]
        happens += [(at, 3, self._round) for at in rounds]
        happens.sort(key=lambda one: one[:2])
        for at, _, happen in happens:
            self.clock.now = beijing(at)
            happen()

    def _of_life(self, life: Life) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
        owners = self.plan.owners[life.licence_id]
        issued = datetime.combine(max(life.first, START), time(4))
        yield issued, 0, lambda: self.wallets.issue(life, self.number(owners[0][1]))
        for deed in life.deeds:
            owner = next(name for since, name in reversed(owners) if since <= deed.at)
            ahead = self.chance.randint(0, 1) == 1
            yield deed.at, 1, lambda deed=deed, owner=owner, ahead=ahead: self.wallets.do(life, deed, self.number(owner), ahead=ahead)  # type: ignore[misc]
        for stay in life.stays:
            number = self.number(stay.holder)
            yield stay.begins, 2, lambda stay=stay, number=number: self.wallets.claim(self.holder(stay.holder), number, life.licence_id, stay.host)  # type: ignore[misc]
            if stay.ends < datetime.combine(END, time()) and all(deed.what != "sell" or deed.at != stay.ends for deed in life.deeds):
                yield stay.ends, 1, lambda stay=stay: self.wallets.release(self.holder(stay.holder), life.licence_id)  # type: ignore[misc]

    def _drivers_law(self) -> None:
        last = LAW.drivers_from - timedelta(days=1)
        newer = changed("renewal_of_practitioners", "renewal_of_practitioners_2030", reminder_days=60, lapse_days=120)
        self.wallets.enact(dated(changed("renewal_of_practitioners"), last=last), dated(newer, first=LAW.drivers_from))

    def _cycle_law(self) -> None:
        self.wallets.enact(changed("taxi_training", cycle_months=24))

    def _round(self) -> None:
        """Do a round; in some the process dies before one of its steps, and another does it."""
        if self.chance.randint(1, 40) == 1:
            self._begin_anew()
        steps = self.chance.randint(1, 6) if self.chance.randint(1, 10) == 1 else 0
        while steps:
            left = [steps]

            def step(_name: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] == 0:
                    raise Killed

            try:
                self.wallets.rounds(self.wallets.reminding(step))
                break
            except Killed:
                self.kills += 1
                steps = self.chance.randint(0, 3)
        self.wallets.rounds()

    def _begin_anew(self) -> None:
        """Open the same register as another process would."""
        self.wallets.database.close()
        before = self.wallets
        self.wallets = Wallets(self.open(), before.vault, self.clock)
        for name in ("heads", "versions", "lasts", "suspensions"):
            setattr(self.wallets, name, getattr(before, name))


def simulated(size: int, seed: int, open_database: Callable[[], Database], apart: int = 1) -> Simulation:
    """Carry a plan out and hold what was sent against what the slow reading expects."""
    plan = planned(size, seed)
    rounds = rounds_of(random.Random(seed + 1), apart)
    simulation = Simulation(plan, open_database, seed + 2)
    simulation.run(rounds)

    said = Counter(simulation.wallets.sent())
    ids = simulation.ids
    wanted = Counter(type(one)(ids[one.holder], one.licence_id, one.identity, one.at) for one in expected(plan.lives, LAW, rounds, (21, 8)))
    assert max(said.values()) == 1
    missing, surplus = wanted - said, said - wanted
    assert not missing, sorted(missing, key=str)[:20]
    assert not surplus, sorted(surplus, key=str)[:20]
    return simulation


@pytest.fixture
def open_file(migrated_file: Path, tmp_path: Path) -> Callable[[], Database]:
    """Open one register, again and again."""
    path = tmp_path / "register.db"
    path.write_bytes(migrated_file.read_bytes())
    return lambda: Database(f"sqlite:///{path}")


def test_over_seven_years_exactly_the_expected_notices_are_sent_and_none_twice(open_file: Callable[[], Database]) -> None:
    simulation = simulated(160, 20260711, open_file, apart=5)

    duties = {one.identity.partition("|")[0] for one in simulation.wallets.sent()}
    assert duties == {"renewal", "last_day", "lapse", "condition", "unmet", "age", "suspension", "transfer"}
    assert simulation.kills > 10
    _told_to_apps(simulation)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_over_seven_years_it_is_the_same_with_ten_thousand_licences(open_file: Callable[[], Database]) -> None:
    began = monotonic()
    simulation = simulated(10_000, 7, open_file)
    sent = len(simulation.wallets.sent())
    print(f"{sent} notices, {len(simulation.wallets.messages())} messages, {simulation.kills} kills, {monotonic() - began:.0f} s")
    assert sent > 30_000
    _told_to_apps(simulation)


def _told_to_apps(simulation: Simulation) -> None:
    """Hold the messages against the notices: one for each notice to a person, one for each day of a company and app, and nothing of a person in it."""
    sent, messages = simulation.wallets.sent(), [(one, json.loads(one.content)) for one in simulation.wallets.messages()]
    companies = {simulation.ids[name] for name in simulation.ids if name.startswith("fleet")}
    digests = [(said["data"]["holder"], one.host, said["data"]["day"]) for one, said in messages if one.digest]
    assert len(digests) == len(set(digests))
    assert {holder for holder, _, _ in digests} <= companies
    assert sum(said["data"]["notices"] for one, said in messages if one.digest) == sum(one.holder in companies for one in sent)
    assert sum(sum(said["data"]["counts"].values()) for one, said in messages if one.digest) == sum(one.holder in companies for one in sent)
    assert sum(not one.digest for one, _ in messages) == sum(one.holder not in companies for one in sent)
    assert all(said["data"]["due_on"] is None for one, said in messages if not one.digest and said["data"]["duty"] == "age")
    assert max(said["data"]["notices"] for one, said in messages if one.digest) > 1
    assert BEGINS not in " ".join(one.content for one, _ in messages)
    assert [one.place for one, _ in messages] == list(range(1, len(messages) + 1))
