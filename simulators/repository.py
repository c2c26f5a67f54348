"""A provincial licence repository for rehearsals, with the faults that real ones have: `python -m simulators.repository --help`.

It follows docs/formats.md §15 and shares no code with the service. Which fault strikes which message follows from the seed alone. `GET /faults` says
what it did wrong, `GET /wrongs` where what it keeps is not what it was told.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from simulators.envelope import FAILS, HANGS_UP, PASSING, SILENT_AFTER, SLOW, Envelope, listening, serve, sm3, written

__all__ = ["FAILS", "HANGS_UP", "SILENT_AFTER", "SLOW", "Repository", "listening"]
LOSES, DOUBLES, REORDERS, LATE, GARBLES, INVENTS = "loses", "doubles", "reorders", "late", "garbles", "invents"
RETURNS = ("format", "duplicate", "unknown-organisation")
LASTING = (LOSES, DOUBLES, REORDERS, LATE, GARBLES, INVENTS, *RETURNS)  # leave a difference, unless a later message of the licence heals it
RELEASED_AT = 2  # the count of the whole catalogue before which late messages come in
NEEDED = (
    "form", "CertificateID", "Revision", "CertificateTypeCode", "CertificateIssuingAuthorityCode", "RegisteredOn", "CertificateIdentifier",
    "CertificateHolderCategory", "CertificateIssuedDate", "CertificateStatus", "State", "FileDigest",
)  # fmt: skip
Entry = dict[str, Any]


@dataclass
class Repository(Envelope):
    """What it was told, what it keeps, and what it does wrong."""

    faults: tuple[str, ...] = (*LASTING, *PASSING)
    unknown: set[str] = field(default_factory=set)  # organisations that it does not know yet
    told: dict[str, Entry] = field(default_factory=dict)  # by licence: the newest that it was sent, whatever became of it
    kept: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, Any] = field(default_factory=dict)  # what came beside the entry
    answered: dict[str, str] = field(default_factory=dict)  # codes by message id
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # every question about the catalogue
    got: list[dict[str, Any]] = field(default_factory=list)  # every message that it read
    wrongs_at_counts: list[set[tuple[str, str]]] = field(default_factory=list)
    _held: list[tuple[str, str, Entry]] = field(default_factory=list)  # fault, licence, entry: late, or to come after the next one of the licence
    _counts: int = 0
    _questions: int = 0  # that were answered

    # -- faults --------------------------------------------------------------------------------------

    def _strikes(self, message_id: str, licence: str, *, anew: bool) -> str:
        """Return the fault that strikes this attempt: what is told anew, or asked, is struck by passing ones only, and so is what comes again.

        Licences have other ids each time; what else a message's id says is the same whenever the same is done.
        """
        return self.fault(message_id, lambda attempt: tuple(one for one in self.faults if one in PASSING or (attempt == 1 and not anew)), licence)

    def wrongs(self) -> set[tuple[str, str]]:
        """Return each licence of which it keeps something else than it was told last, and in which way."""
        found = set()
        for licence in {*self.told, *(one for one, copies in self.kept.items() if copies)}:
            copies, told = self.kept.get(licence, []), self.told.get(licence)
            if told is None:
                found.add(("missing_here", licence))
            elif not copies:
                found.add(("missing_there", licence))
            elif len(copies) > 1:
                found.add(("doubled", licence))
            elif copies[0] != told:
                found.add(("older_version" if copies[0]["Revision"] < told["Revision"] else "other_state", licence))
        return found

    # -- operations ----------------------------------------------------------------------------------

    def report(self, message_id: str, data: dict[str, Any], fault: str) -> str:
        """Take one message; return the code of the answer."""
        entry = data.get("entry")
        if not isinstance(entry, dict) or any(name not in entry for name in NEEDED):
            return "format"
        licence = str(entry["CertificateID"])
        if message_id in self.answered:
            return "repeated"
        if licence not in self.told or entry["Revision"] >= self.told[licence]["Revision"]:
            self.told[licence] = entry
        if entry["CertificateIssuingAuthorityCode"] in self.unknown:
            return "unknown-organisation"
        if fault in RETURNS:
            return fault
        self.answered[message_id] = "accepted"
        self.names[licence] = {name: value for name, value in data.items() if name not in {"entry", "replace"}}
        self._keep(licence, entry, fault, replace=data.get("replace") is True)
        return "accepted"

    def _keep(self, licence: str, entry: Entry, fault: str, *, replace: bool) -> None:
        if fault == LOSES:
            return
        if fault in {LATE, REORDERS}:
            self._held.append((fault, licence, entry))
            return
        if fault == GARBLES:
            entry = {**entry, "State": "recalled" if entry["State"] != "recalled" else "in_force", "CertificateStatus": "09"}
        self._write(licence, entry, replace=replace)
        if fault == DOUBLES:
            self.kept[licence].append(entry)
        if fault == INVENTS:
            stranger = f"X{licence[1:]}"
            self.kept[stranger] = [{**entry, "CertificateID": stranger}]
        for overtaken in [one for one in self._held if one[:2] == (REORDERS, licence)]:
            self._held.remove(overtaken)
            self._write(licence, overtaken[2], replace=False)

    def _write(self, licence: str, entry: Entry, *, replace: bool) -> None:
        """Write over what there is without looking at revisions: that is how older messages come to win."""
        copies = self.kept[licence]
        self.kept[licence] = [entry] if replace else [*copies[:-1], entry]

    def count(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return count and digest by type and organ, or by day of one of them."""
        if not data:
            self._counts += 1
            if self._counts == RELEASED_AT:
                for _, licence, entry in self._held:
                    self._write(licence, entry, replace=False)
                self._held.clear()
            self.wrongs_at_counts.append(self.wrongs())
        groups: dict[tuple[str, str], dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry in (one for copies in self.kept.values() for one in copies):
            groups[entry["CertificateTypeCode"], entry["CertificateIssuingAuthorityCode"]][entry["RegisteredOn"]].append(entry)
        if data:
            days = groups.get((data["CertificateTypeCode"], data["CertificateIssuingAuthorityCode"]), {})
            return {"days": [{"RegisteredOn": day, "Count": len(found), "Digest": of_day(found)} for day, found in sorted(days.items())]}
        rows = []
        for (kind, organ), days in sorted(groups.items()):
            lines = "".join(f"{day} {len(found)} {of_day(found)}\n" for day, found in sorted(days.items()))
            total = sum(map(len, days.values()))
            rows.append({"CertificateTypeCode": kind, "CertificateIssuingAuthorityCode": organ, "Count": total, "Digest": sm3(lines.encode())})
        return {"groups": rows}

    def listed(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return a page of what is kept of a type, organ and day."""
        wanted = [data[name] for name in ("CertificateTypeCode", "CertificateIssuingAuthorityCode", "RegisteredOn")]
        names = ("CertificateTypeCode", "CertificateIssuingAuthorityCode", "RegisteredOn")
        found = [one for copies in self.kept.values() for one in copies if [one[name] for name in names] == wanted]
        rows = sorted((one["CertificateID"], one["Revision"], sm3(written(one))) for one in found)[data["offset"] :][: data["limit"]]
        return {"entries": [{"CertificateID": licence, "Revision": revision, "Digest": digest} for licence, revision, digest in rows]}

    def withdraw(self, data: dict[str, Any]) -> None:
        """Take an entry out."""
        self.kept.pop(data["CertificateID"], None)

    # -- messages ------------------------------------------------------------------------------------

    def answer(self, path: str, said: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """Return the fault on the way, and the whole answer; None where a failure comes first."""
        operation, head, data = path.rpartition("/")[2], said["head"], said["data"]
        with self.lock:
            if not self.comes_from_a_sender(operation, head, data):
                return "", self.signed(operation, head, "unknown-sender", {})
            message_id = head["requestId"]
            if question := operation in {"CountCatalogue", "ListCatalogue"}:
                message_id = f"{operation}/{written(data).decode()}/{self._questions}"  # the same question until it has its answer
            fault = self._strikes(message_id, str(data.get("entry", data).get("CertificateID")), anew=question or data.get("replace") is True)
            if fault in {FAILS, HANGS_UP}:
                return fault, None
            if question:
                self.asked.append((operation, data))
                self._questions += fault != SILENT_AFTER
            else:
                self.got.append(said)
            code, found = "accepted", {}
            if operation == "ReportCatalogue":
                code = self.report(message_id, data, fault)
            elif operation == "CountCatalogue":
                found = self.count(data)
            elif operation == "ListCatalogue":
                found = self.listed(data)
            elif operation == "WithdrawCatalogue":
                self.withdraw(data)
            else:
                code = "format"
            return fault, self.signed(operation, head, code, found)

    def shown(self) -> dict[str, list[Any]]:
        """Return what it did wrong, and where what it keeps is not what it was told."""
        with self.lock:
            return {"/faults": list(self.done), "/wrongs": sorted(self.wrongs())}


def of_day(entries: list[Entry]) -> str:
    """Return the digest over the entries of a day."""
    lines = sorted((one["CertificateID"], one["Revision"], sm3(written(one))) for one in entries)
    return sm3("".join(f"{licence} {revision} {digest}\n" for licence, revision, digest in lines).encode())


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m simulators.repository", description="A provincial repository for rehearsals.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--token", default="rehearsal-token")
    parser.add_argument("--secret", default="rehearsal-secret")
    parser.add_argument("--seed", type=int, default=1, help="which faults strike which messages")
    parser.add_argument("--rate", type=float, default=0.2, help="the share of messages that a fault strikes, from 0 to 1")
    parser.add_argument("--faults", default=",".join((*LASTING, *PASSING)), help="the faults that there are, separated by commas")
    said = parser.parse_args()
    repository = Repository(said.token, said.secret.encode(), said.seed, said.rate, tuple(said.faults.split(",")))
    serve(repository, said.port, "a repository listens")


if __name__ == "__main__":
    main()
