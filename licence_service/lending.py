"""Lending (授权用证): a holder lets a named receiver read some fields of a licence, for a purpose, so many times, until an instant (DOMAIN SH-12).

What *receiver-bound* means is said in docs/lending.md: a registered system is known by its token; anybody else has the code and states the name
to which it was lent, which is no proof of who he is, and is told to the holder.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from licence_service.annotating import Annotator
from licence_service.copies import lent_json
from licence_service.envelope import Reading
from licence_service.errors import Fault, NotInRegister, Refusal, TransitionRefused, Unavailable
from licence_service.fields import Asker, Field, comparison_form, disclose
from licence_service.holding import LEND, Cards, Holding
from licence_service.identifiers import DELIVERY_CODE_LENGTH, normal_code
from licence_service.licence import beijing_day
from licence_service.store.clients import PLATFORM, Client, Clients
from licence_service.store.lending_requests import Asked, Begun, LendingRequests
from licence_service.store.lendings import LIVING, REVOKED, Lending, Lendings
from licence_service.store.reads import COPY, LENT, RECEIVER, Read
from licence_service.store.record import Record
from licence_service.template import Template
from licence_service.verdict import Check, Result, Verdict
from licence_service.verification import Question, Verifier

CODE_LENGTH = DELIVERY_CODE_LENGTH
MOST_USES, MOST_MINUTES, MOST_WORDS = 100, 30 * 24 * 60, 40
WANTED = frozenset({"receiver", "client", "purpose", "fields", "uses", "minutes", "copy"})
_RECEIVER = Field(label="接收方", type="string", disclose={}, required=True, max_length=MOST_WORDS)
_PURPOSE = Field(label="用途", type="string", disclose={}, required=True, max_length=MOST_WORDS)
_NOTHING_PRESENTED = Check(2, "seal", "authentic", Result.NOT_ASKED, ("not-presented",))
_CLIENT = Field(label="接收系统", type="string", disclose={}, max_length=80)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a holder wants to lend, checked against the licence."""

    receiver: str = field(repr=False)
    purpose: str = field(repr=False)
    fields: tuple[str, ...]
    uses: int
    minutes: int
    client: str | None
    copy: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """What a reader is told. `verdict` and its fields are there only where a use was taken; `standing` says why not."""

    lending: Lending
    standing: str
    verdict: Verdict | None = None

    @property
    def lent(self) -> dict[str, object]:
        """Return what is told of the lending, with the use that was just taken."""
        return lent_json(replace(self.lending, used=self.lending.used + (self.verdict is not None)), self.standing)


@dataclass(frozen=True, slots=True)
class LendingOffice:
    """Lends licences for their holders, and answers who reads them."""

    cards: Cards
    verifier: Verifier
    clients: Clients
    requests: LendingRequests
    lendings: Lendings
    annotator: Annotator
    now: Callable[[], datetime] = field(repr=False)

    # -- for holders -------------------------------------------------------------------------------

    def lend(self, holding: Holding, licence_id: str, body: Mapping[str, Any], key: str | None = None) -> tuple[Lending, str]:
        """Lend a card and return the lending with its code; with `copy`, a sealed copy is made too.

        The same `key` of the same holder and who acts, with the same content, comes to the same lending and code, whatever became of the answer, and
        goes on where an attempt broke off; without a key each call is another lending. `KeyReused`; what `LendingRequests.begin` and `Annotator.copy`
        raise. A copy that nobody entered is told by nobody, and is no copy to who verifies it.
        """
        record, now = self.cards.card(holding, licence_id, LEND), self.now()
        asked = Asked(
            holding.holder.holder_id, holding.by, holding.host, key or secrets.token_hex(16), json.dumps([licence_id, dict(body)], sort_keys=True)
        )
        begun = self.requests.find(asked)
        if begun and (made := self.lendings.by_id(begun.lending_id)):
            return made, begun.code
        licence = record.at(beijing_day(now))
        template = self.verifier.catalogue.edition(record.type, licence.current.edition)
        wanted = self._read(body, record, template, licence.current.face)
        begun = self.requests.begin(asked, now, copy=wanted.copy)
        lending = Lending(
            begun.lending_id, licence_id, asked.holder_id, wanted.client, wanted.uses, begun.made_at, begun.made_at + timedelta(minutes=wanted.minutes),
            wanted.receiver, wanted.purpose, wanted.fields,
        )  # fmt: skip
        return self.lendings.enter(self._with_copy(record, lending, begun) if wanted.copy else lending, begun.code, asked.by, asked.host), begun.code

    def _with_copy(self, record: Record, lending: Lending, begun: Begun) -> Lending:
        """Make the copy; who asks again need not wait where it could not be made."""
        try:
            return replace(lending, copy=self.annotator.copy(record, lending))
        except (Refusal, Unavailable):
            self.requests.let_go(begun, self.now())
            raise

    def of(self, holding: Holding, licence_id: str, limit: int = 200, skip: int = 0) -> list[Lending]:
        """Return the lendings that the holder made of a card, newest first, without the first `skip`."""
        self.cards.card(holding, licence_id, LEND)
        return self.lendings.of(licence_id, holding.holder.holder_id, limit, skip)

    def mine(self, holding: Holding, licence_id: str, lending_id: str) -> Lending:
        """Return one lending of a card; `NotInRegister` for any that is not this holder's."""
        self.cards.card(holding, licence_id, LEND)
        found = self.lendings.named(lending_id, licence_id)
        if found.holder_id != holding.holder.holder_id:
            raise NotInRegister("no such lending")
        return found

    def revoke(self, holding: Holding, licence_id: str, lending_id: str) -> None:
        """Revoke a lending at once: code and copy."""
        self.lendings.revoke(self.mine(holding, licence_id, lending_id), self.now())

    def copy(self, holding: Holding, licence_id: str, lending_id: str) -> bytes:
        """Return the annotated copy of a lending; `TransitionRefused` once it is over."""
        found = self.mine(holding, licence_id, lending_id)
        if found.copy is None:
            raise NotInRegister("this lending has no copy")
        if found.standing_of_copy(self.now()) != LIVING:
            raise TransitionRefused("the lending is over", facts={"rule": "SH-12"})
        return self.annotator.line.archive.get(found.copy.document_sha256)

    def _read(self, body: Mapping[str, Any], record: Record, template: Template, face: Mapping[str, Any]) -> Wanted:
        reading = Reading(body)
        reading.only(WANTED)
        receiver, purpose, client = reading.field("receiver", _RECEIVER), reading.field("purpose", _PURPOSE), reading.field("client", _CLIENT)
        uses, minutes, copy = reading.number("uses"), reading.number("minutes", required=True), reading.flag("copy")
        for name, value, most in (("uses", uses, MOST_USES), ("minutes", minutes, MOST_MINUTES)):
            if value is not None and value > most:
                reading.faults.append(Fault(name, "out-of-range", f"1 to {most}"))
        fields = self._fields(reading, template, face)
        if client is not None and not self._may_read(client, record.type):
            reading.faults.append(Fault("client", "unknown-client", "no registered platform of this name reads licences of this type"))
        reading.refuse_if_faulty()
        return Wanted(str(receiver), str(purpose), fields, uses or 1, minutes or 1, client, copy)

    def _may_read(self, name: str, slug: str) -> bool:
        client = self.clients.named(name)
        return client is not None and client.kind == PLATFORM and client.may_touch(slug)

    @staticmethod
    def _fields(reading: Reading, template: Template, face: Mapping[str, Any]) -> tuple[str, ...]:
        """Take the names of the fields that are lent."""
        lendable = lendable_of(template, face)
        raw = reading.body.get("fields")
        if not isinstance(raw, list) or not raw or not all(isinstance(one, str) for one in raw):
            reading.faults.append(Fault("fields", "not-a-list", "a list of at least one name of a field is wanted here"))
            return ()
        if not {*raw} <= {*lendable}:
            reading.faults.append(Fault("fields", "unknown-field", f"only these can be lent: {', '.join(lendable)}"))
        return tuple(name for name in lendable if name in raw)

    # -- for receivers -----------------------------------------------------------------------------

    def open(self, code: str, receiver: str | None, client: Client | None) -> Opened | None:
        """Take one use of a lending and return what was lent; None where there is none that this receiver may open with this code.

        A registered system opens what was lent to it, and nothing that was lent to another; anybody else states the receiver's name.
        """
        plain = normal_code(code)
        found = self.lendings.by_code(plain) if len(plain) == CODE_LENGTH else None
        if found is None or not _is_receiver(found, receiver, client):
            return None
        now, record = self.now(), self.cards.kept_by(found.holder_id, found.licence_id)  # what is no card of theirs is lent by nobody
        if record is None:
            return Opened(found, REVOKED)
        licence = record.at(beijing_day(now))
        verdict = self.verifier.known(record, licence.current.version, (_NOTHING_PRESENTED,), Question(Asker.HOLDER))
        seen = _only(verdict, found.fields)
        read = Read(
            now, found.licence_id, LENT, RECEIVER, [one["name"] for one in (seen.licence or {}).get("face", ())], found.client, found.lending_id
        )
        taken = self.lendings.use(found, now, read)
        standing = taken.standing(now)
        return Opened(taken, standing, seen if standing == LIVING else None)

    def noted(self, lending: Lending) -> Read:
        """Return what the holder's list says of somebody who verified the copy of a lending."""
        return Read(self.now(), lending.licence_id, COPY, Asker.PUBLIC.value, (), None, lending.lending_id)


def lendable_of(template: Template, face: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that can be lent: those that the holder sees; pictures go with a copy only."""
    return [name for name in disclose(template.fields, face, Asker.HOLDER) if template.fields[name].type != "image"]


def _is_receiver(lending: Lending, receiver: str | None, client: Client | None) -> bool:
    """Say whether a lending is for who asks; a client that another client's lending is opened with is refused in the same words as a wrong code."""
    if lending.client is not None:
        return client is not None and client.name == lending.client
    return receiver is not None and comparison_form(receiver) == comparison_form(lending.receiver)


def _only(verdict: Verdict, names: tuple[str, ...]) -> Verdict:
    """Return a verdict that shows the lent fields of the licence and how it stands, and nothing else of it."""
    licence = dict(verdict.licence or {})
    told = {name: licence[name] for name in ("type", "issuer", "specimen", "state", "valid_from", "valid_to", "ended_on", "suspended_until")}
    return replace(verdict, licence={**told, "face": [one for one in licence["face"] if one["name"] in names]}, conditions=None)
