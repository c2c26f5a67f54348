"""Police, company register, inspection stations and a register of decisions for rehearsals, with realistic faults: `python -m simulators.sources --help`.

Each compares what it is sent with its records and speaks a dialect of its own, in the envelope of docs/formats.md §15. What it has no record of agrees:
a rehearsal need not be typed in twice. Shares no code with the service.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.envelope import FAILS, HANGS_UP, PASSING, Envelope, serve

UNSIGNED, GARBLED, BUSY = "unsigned", "garbled", "busy"
AGREES, DIFFERS, UNKNOWN = "agrees", "differs", "unknown"
# By source: the member that names the record, the member of the answer with the result, and how it says what it found.
DIALECTS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "police": ("hphm", "jg", {AGREES: "1", DIFFERS: "2", UNKNOWN: "0", BUSY: "9"}),
    "company": ("tyshxydm", "zt", {AGREES: "normal", DIFFERS: "mismatch", UNKNOWN: "not_registered", BUSY: "busy"}),
    "inspection": ("vin", "result", {AGREES: "valid", DIFFERS: "expired", UNKNOWN: "no_record", BUSY: "busy"}),
}
DECISIONS = "decisions"  # the register of an approval system: asked about one decision and all that is to be done on it
USED = "used"
FOUND: Mapping[str, str] = {AGREES: "1", DIFFERS: "2", UNKNOWN: "0", USED: "3", BUSY: "9"}
# As this service would declare them (docs/deciding.md).
DECLARED: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, str]]] = {
    "police_vehicle": (
        "police",
        {"hphm": "plate_no", "clsbdh": "vin", "syr": "vehicle_owner"},
        {"1": "pass", "2": "conflict", "0": "fail", "9": "unavailable"},
    ),
    "company_register": (
        "company",
        {"tyshxydm": "uscc", "qymc": "business_name"},
        {"normal": "pass", "mismatch": "conflict", "not_registered": "fail", "busy": "unavailable"},
    ),
    "vehicle_inspection": (
        "inspection",
        {"vin": "vin"},
        {"valid": "pass", "expired": "fail", "no_record": "conflict", "busy": "unavailable"},
    ),
}


@dataclass
class Sources(Envelope):
    """What each source has on record, by source and the member that names a record; None is a record that is known to be missing."""

    faults: tuple[str, ...] = (*PASSING, UNSIGNED, GARBLED, BUSY)
    records: dict[str, dict[str, dict[str, str] | None]] = field(default_factory=dict)
    sole: set[str] = field(default_factory=set)  # numbers of decisions that grant one licence only
    uses: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # by organ and number: what for, and the use that was confirmed
    down: set[str] = field(default_factory=set)
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, path: str, said: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """Return the fault on the way, and the whole answer; None where a failure comes first."""
        (source, operation), head, data = path.split("/")[-2:], said["head"], said["data"]
        with self.lock:
            if source not in {*DIALECTS, DECISIONS} or operation != "VerifyCertInfo" or not self.comes_from_a_sender(operation, head, data):
                return "", self.signed(operation, head, "unknown-sender", {})
            if source in self.down:
                return FAILS, None
            fault = self.fault(head["requestId"], lambda _attempt: self.faults)
            if fault in {FAILS, HANGS_UP}:
                return fault, None
            self.got.append((source, data))
            answer = self.signed(operation, head, "accepted", self._said(source, data["fields"], fault))
            if fault == UNSIGNED:
                answer["head"]["signature"] = "0" * 64
            return fault, answer

    def _said(self, source: str, fields: dict[str, Any], fault: str) -> dict[str, Any]:
        if source != DECISIONS:
            return self._checked(source, fields, fault)
        if fault == GARBLED:
            return {"mx": [{"jg": FOUND[AGREES]} for _ in fields["mx"][1:]]}  # one is forgotten
        found = [BUSY if fault == BUSY else self._decided(fields, each) for each in fields["mx"]]
        return {"mx": [{"jg": FOUND[one], "lsh": f"decisions-{len(self.got):06}-{at}"} for at, one in enumerate(found)]}

    def _decided(self, decision: dict[str, Any], wanted: dict[str, str]) -> str:
        """Compare one thing that is to be done with the decision on record, and remember its use: the same again is the same, another is a second one."""
        record = self.records.get(DECISIONS, {}).get(decision["jdwh"], {})
        given = {"jdjg": decision["jdjg"], "jdrq": decision["jdrq"], **wanted}
        if record is None:
            return UNKNOWN
        if any(given.get(name) != value for name, value in record.items()):
            return DIFFERS
        used = self.uses.setdefault((decision["jdjg"], decision["jdwh"]), {})
        what = "all" if decision["jdwh"] in self.sole else "/".join(wanted.get(name, "") for name in ("sx", "zzlx", "ajbh", "zzbh", "cyr"))
        return AGREES if used.setdefault(what, wanted["yt"]) == wanted["yt"] else USED

    def _checked(self, source: str, fields: dict[str, str], fault: str) -> dict[str, Any]:
        name, member, words = DIALECTS[source]
        if fault == GARBLED:
            return {member: ["1"], "lsh": 7}
        record = self.records.get(source, {}).get(str(fields.get(name)), {})
        differs = record and any(record.get(given, value) != value for given, value in fields.items())
        found = BUSY if fault == BUSY else UNKNOWN if record is None else DIFFERS if differs else AGREES
        return {member: words[found], "lsh": f"{source}-{len(self.got):06}"}

    def shown(self) -> dict[str, list[Any]]:
        """Return what it did wrong."""
        with self.lock:
            return {"/faults": list(self.done)}


def declare(folder: Path, url: str, token: str, secret: str, timeout: float = 5.0, decisions: str = "") -> None:
    """Write the declarations that lead a service to these sources, and the two secrets beside them.

    `decisions`: the department for which the register of decisions is declared, `*` for every one; by none as a rule.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("rehearsal.token", token), ("rehearsal.secret", secret)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    for source, (place, ask, results) in DECLARED.items():
        ways = "\n".join(f'{there} = "{name}"' for there, name in ask.items())
        meanings = "\n".join(f'"{said}" = "{result}"' for said, result in results.items())
        text = f"""source = "{source}"
url = "{url}/{place}"
token_file = "rehearsal.token"
secret_file = "rehearsal.secret"
networks = ["127.0.0.0/8"]
timeout_seconds = {timeout}

[ask]
{ways}

[answer]
result = "{DIALECTS[place][1]}"
reference = "lsh"

[results]
{meanings}
"""
        (folder / f"{source}.toml").write_text(text, "utf-8")
    if decisions:
        (folder / "approval_decisions.toml").write_text(_REGISTER.format(url=url, timeout=timeout, decisions=decisions), "utf-8")


_REGISTER = """source = "approval_decisions"
url = "{url}/decisions"
token_file = "rehearsal.token"
secret_file = "rehearsal.secret"
networks = ["127.0.0.0/8"]
timeout_seconds = {timeout}
use_for = "电子证照核发：决定核验"

[decisions]
departments = ["{decisions}"]
types = ["*"]
acts = ["suspend", "revoke"]
matters = "mx"

[ask]
jdwh = "decision.number"
jdjg = "decision.organ"
jdrq = "decision.decided_on"
sx = "act"
zzlx = "type"
ajbh = "case_no"
cyr = "holder"
yt = "use"
zzbh = "licence"

[answer]
result = "jg"
reference = "lsh"

[results]
"1" = "pass"
"2" = "conflict"
"0" = "fail"
"3" = "fail"
"9" = "unavailable"
"""


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m simulators.sources", description="Data sources for rehearsals.")
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--token", default="rehearsal-token")
    parser.add_argument("--secret", default="rehearsal-secret")
    parser.add_argument("--seed", type=int, default=1, help="which faults strike which questions")
    parser.add_argument("--rate", type=float, default=0.2, help="the share of questions that a fault strikes, from 0 to 1")
    parser.add_argument("--declare", type=Path, help="write the declarations for LICENCE_SOURCES into this folder")
    parser.add_argument("--decisions", default="", metavar="CODE", help="declare the register of decisions for this department too, * for every one")
    said = parser.parse_args()
    sources = Sources(said.token, said.secret.encode(), said.seed, said.rate)

    def begun(url: str) -> None:
        if said.declare:
            declare(said.declare, url, said.token, said.secret, decisions=said.decisions)

    serve(sources, said.port, "police, company register and inspection stations listen", begun)


if __name__ == "__main__":
    main()
