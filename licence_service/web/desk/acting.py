"""Acts on a licence at the desk: what the table of acts allows today, each with a form of what it needs."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from licence_service import authority
from licence_service.acts import COLUMNS, GROUNDS, TABLE, Mark, column, has_act, open_targets
from licence_service.drafting import DOCUMENTS, fixed_fields
from licence_service.duties import Right
from licence_service.endorsement import Endorsement
from licence_service.errors import FaceRejected, Fault, NotInRegister, Refusal, RequestRejected, SourceSilent
from licence_service.fields import Field
from licence_service.fold import endorsement_states
from licence_service.history.words import ACTS as ACT_WORDS
from licence_service.history.words import ALLOWED, SUSPENSIONS
from licence_service.history.words import GROUNDS as GROUND_WORDS
from licence_service.licence import Act, Licence, beijing_day
from licence_service.requests import ACT_KEYS, BY_DECISION, ENDORSEMENT_GROUNDS, REASONS, WITHDRAWAL_GROUNDS
from licence_service.rules import renewal_of
from licence_service.store.record import Record
from licence_service.template import EndorsementKind, Template
from licence_service.web.desk import controls, previewing
from licence_service.web.desk.controls import Control, Group
from licence_service.web.desk.issuing import code_of, entered, said
from licence_service.web.desk.room import HOME, Desk, TheForm, having
from licence_service.web.issuing import LicenceId
from licence_service.web.sent import Sent

router = APIRouter(prefix=HOME, include_in_schema=False)
Actor = Annotated[Desk, Depends(having(Right.ENTER))]
Kind = Annotated[str, Query(max_length=80)]
_REPLACED = {"lost": ("遗失", "lost"), "damaged": ("损毁", "damaged")}


def act_words(act: Act) -> tuple[str, str]:
    """Return how an act is called where it is still to be done."""
    return ACT_WORDS[act][0], act.value.replace("_", " ").capitalize()


def acts_on(desk: Desk, record: Record, licence: Licence) -> list[Act]:
    """Return the acts that this person could enter today: the type has them, the table does not refuse them, and there is something that they are about."""
    service, today = desk.service, beijing_day(desk.service.now())
    template = service.catalogue.edition(record.type, licence.current.edition)
    window = renewal_of(service.law.packs(service.now()), record.type, today, template.term)
    where = COLUMNS.index(column(licence, today, window.lapse_days))
    own, offered = record.issuer(today) == desk.person.department, desk.person.department in record.offered_to(today)
    found = []
    for act in ACT_KEYS:
        mine = (offered if act in authority.RECEIVING else own) and has_act(template.acts, act)
        if mine and TABLE[act][where] is not Mark.NO and _has_subject(licence, act, service.catalogue.kinds):
            found.append(act)
    return found


def _has_subject(licence: Licence, act: Act, kinds: Mapping[str, EndorsementKind]) -> bool:
    """Say whether there is an entry, or an endorsement, that such an act could be about."""
    if "target" in ACT_KEYS[act] and act is not Act.REINSTATE:
        return bool(open_targets(licence, act))
    if act is Act.REPORT_FOUND:
        return "loss_reported" in licence.flags
    if act is Act.VOID:
        return len(licence.versions) > len(licence.voided)
    if act in {Act.REFUSE_ENDORSEMENT, Act.WITHDRAW_ENDORSEMENT}:
        return bool(_endorsements(licence, act, kinds))
    return True


def _endorsements(licence: Licence, act: Act, kinds: Mapping[str, EndorsementKind]) -> list[Endorsement]:
    """Return the endorsements that an act could be about; one that another act wrote goes only with that (EN-06)."""
    wanted = "accepted" if act is Act.WITHDRAW_ENDORSEMENT else "asserted"
    return [one for one, state in endorsement_states(licence.entries, licence.valid_at) if state == wanted and not kinds[one.kind].written_by]


@router.get("/licences/{licence_id}/acts/{act}")
def form(desk: Actor, licence_id: LicenceId, act: Act, kind: Kind = "", accept: Kind = "") -> Response:
    """Show the form of an act; an endorsement first asks of which kind."""
    acting = _begun(desk, licence_id, act, kind)
    if act is Act.ENDORSE and acting.kind is None and not accept:
        kinds = [
            (slug, desk.service.catalogue.kinds[slug].title)
            for slug in acting.template.endorsements
            if not desk.service.catalogue.kinds[slug].written_by
        ]
        waiting = [
            (one.endorsement_id, desk.service.catalogue.kinds[one.kind].title, one)
            for one in _endorsements(acting.licence, act, desk.service.catalogue.kinds)
        ]
        return desk.page("kinds.html", licence_id=licence_id, kinds=kinds, waiting=waiting)
    today = beijing_day(desk.service.now()).isoformat()
    decision = {"organ": desk.organ, "decided_on": today, "officer": desk.person.name, "legal_basis": next(iter(acting.template.legal_basis), "")}
    return acting.page({"decision": decision, **({"endorsement_id": accept} if accept else {})}, secrets.token_hex(16))


@router.post("/licences/{licence_id}/acts/{act}")
def enter(desk: Actor, form: TheForm, licence_id: LicenceId, act: Act, kind: Kind = "") -> Response:
    """Enter an act; what is wrong is said at its field, and nothing that was typed is lost."""
    acting = _begun(desk, licence_id, act, kind)
    body, key = acting.body(form), form.request_key("desk")
    if form.text("do") == "preview":
        return acting.page(body, key, drawn=acting.drawn(body))
    try:
        outcome = desk.service.registrar.act(desk.caller, key, licence_id, body)
    except (FaceRejected, RequestRejected) as refusal:
        return acting.page(body, key, refusal.faults, refusal)
    except (Refusal, SourceSilent) as refusal:
        return acting.page(body, key, (), refusal)
    return entered(desk, outcome)


@router.post("/licences/{licence_id}/acts/{act}/preview")
def live(desk: Actor, form: TheForm, licence_id: LicenceId, act: Act) -> Response:
    """Return the preview of an act with a document alone, for the page that asks while somebody types."""
    acting = _begun(desk, licence_id, act, "")
    pages, wrong = acting.drawn(acting.body(form))
    return desk.page("preview.html", pages=pages, wrong=wrong)


def _begun(desk: Desk, licence_id: str, act: Act, kind: str) -> "Acting":
    if act not in ACT_KEYS:
        raise NotInRegister("no such act")
    record = desk.service.registrar.visible(desk.caller, licence_id, doing=act.value)
    licence = record.at(beijing_day(desk.service.now()))
    template = desk.service.catalogue.edition(record.type, licence.current.edition)
    if kind and kind not in template.endorsements:
        raise NotInRegister("no such kind")
    desk.log_visit(licence_id)  # the form shows what stands on the licence, also to who went past its page
    return Acting(desk, record, licence, template, act, desk.service.catalogue.kinds[kind] if kind and act is Act.ENDORSE else None)


class Acting:
    """An act on one licence that is being filled in."""

    def __init__(self, desk: Desk, record: Record, licence: Licence, template: Template, act: Act, kind: EndorsementKind | None) -> None:
        """Take who acts, on what, and of which kind an endorsement is."""
        self.desk, self.record, self.licence, self.template, self.act, self.kind = desk, record, licence, template, act, kind
        self.keys = ACT_KEYS[act]

    @property
    def _face_fields(self) -> dict[str, Field]:
        """Return the fields that this act may give anew."""
        if "face" not in self.keys:
            return {}
        fixed = fixed_fields(self.template, self.act)
        return {name: one for name, one in self.template.fields.items() if name not in fixed}

    # -- reading ---------------------------------------------------------------------------------------

    def body(self, form: Sent) -> dict[str, Any]:
        """Return the request that was typed: of the face only what differs from what stands there."""
        body: dict[str, Any] = {"act": self.act.value, "decision": controls.decision(form)}
        for name in ("reason", "reason_text", "ground", "right_ended_on", "until", "to_department", "external_ref", "endorsement_id", "effective_on"):
            if text := form.text(name):
                body[name] = text
        for name in ("target", "version"):
            if text := form.text(name):
                body[name] = int(text) if controls.INTEGER.fullmatch(text) else text
        if "agreed" in self.keys and form.text("agreed"):
            body["agreed"] = True
        if "suspension" in self.keys:
            said_of = {part: form.text(f"suspension.{part}") for part in ("kind", "first", "last")}
            allows = form.texts.get("suspension.allows", [])
            body["suspension"] = {**{part: text for part, text in said_of.items() if text}, **({"allows": allows} if allows else {})}
        if self.kind:
            body |= {"kind": self.kind.slug, "facts": controls.raw(self.kind.facts, form, "facts")}
        return body | self._face(form)

    def _face(self, form: Sent) -> dict[str, Any]:
        fields, current = self._face_fields, self.licence.current.face
        if not fields:
            return {}
        typed = controls.raw(fields, form)
        face = {name: value for name, value in typed.items() if value != current.get(name)}
        emptied = {name: "" for name, one in fields.items() if one.type != "image" and name in current and name not in typed}
        photos = controls.photos(fields, form)
        whole = {**face, **emptied}
        return {**({"face": whole} if whole else {}), **({"photos": photos} if photos else {})}

    def drawn(self, body: Mapping[str, Any]) -> previewing.Drawn:
        """Draw the page that the act would seal."""
        return previewing.of_act(self.desk, self.template, self.record, body)

    # -- showing ---------------------------------------------------------------------------------------

    def page(
        self, body: Mapping[str, Any], key: str, faults: Sequence[Fault] = (), refusal: Refusal | SourceSilent | None = None,
        drawn: previewing.Drawn | None = None,
    ) -> Response:  # fmt: skip
        """Draw the form with what was typed and what is wrong with it."""
        groups = [
            Group("事项", "The act", [*self._own(body, faults)]),
            Group("决定", "Decision", controls.decision_controls(body["decision"], faults)),
        ]
        if self.kind:
            facts = [
                controls.control(f"facts.{name}", one, body.get("facts", {}).get(name), faults, f"facts.{name}")
                for name, one in self.kind.facts.items()
            ]
            groups.insert(0, Group(self.kind.title.zh, self.kind.title.en, facts))
        if fields := self._face_fields:
            face = {**self.licence.current.face, **body.get("face", {})}
            groups += controls.groups(self.template, fields, face, body.get("photos", {}), faults)
        groups = [one for one in groups if one.controls]
        shown = [one for group in groups for one in group.controls]
        return self.desk.page(
            "act.html", code_of(faults, refusal), script=self.act in DOCUMENTS, drawable=self.act in DOCUMENTS, drawn=drawn,
            act=(self.act.value, *act_words(self.act)), licence_id=self.record.licence_id, template=self.template,
            number=self.licence.current.face.get(self.template.number.field), groups=groups, key=key.removeprefix("desk-"),
            holder=self.licence.current.face.get(self.template.holder_name), others=controls.elsewhere(faults, shown), count=len(faults),
            refusal=said(refusal), kind=self.kind.slug if self.kind else "", face=bool(self._face_fields),
        )  # fmt: skip

    def _own(self, body: Mapping[str, Any], faults: Sequence[Fault]) -> list[Control]:
        """Return the controls of what this act needs beside decision and face."""
        made = {
            "reason": ("select", "补证原因", "Reason", [(code, *_REPLACED[code]) for code in REASONS]),
            "reason_text": ("area", "事由说明", "In words", []),
            "target": ("select", "针对哪一条登记", "About which entry", self._targets()),
            "ground": ("select", "理由", "Ground", [(code, *GROUND_WORDS[code]) for code in self._grounds()]),
            "right_ended_on": ("date", "权利终止之日（如不同）", "First day without the right, if another", []),
            "agreed": ("boxes", "暂扣机关意见", "The organ that suspended", [("on", "同意注销", "agrees")]),
            "until": ("date", "至（如有期限）", "Until, if limited", []),
            "to_department": ("select", "转往机关", "To which department", self._departments()),
            "version": ("select", "作废哪一版", "Which version", self._versions()),
            "external_ref": ("text", "凭证编号", "Reference", []),
            "endorsement_id": ("select", "哪一项签注", "Which endorsement", self._endorsements()),
        }  # fmt: skip
        given = (
            {"external_ref"} if self.act is Act.ENDORSE and not self.kind else {"endorsement_id"} if self.kind else set()
        )  # a fact is new, or was asserted
        wanted = [name for name in made if name in self.keys and name not in given]
        needed = {"reason", "to_department", "version", "external_ref", "endorsement_id"} | ({"ground"} if self.act is Act.CANCEL else set())
        found = [self._control(name, *made[name], body, faults, required=name in needed) for name in wanted]
        if "suspension" in self.keys:
            found = [*self._suspension(body.get("suspension", {}), faults), *found]
        if self.act not in BY_DECISION and "suspension" not in self.keys:
            found.append(
                self._control("effective_on", "date", "生效日期（不填即决定之日）", "Effective on, if not the day of the decision", [], body, faults)
            )
        return found

    @staticmethod
    def _control(
        name: str, kind: str, zh: str, en: str, options: Sequence[tuple[str, str, str]], body: Mapping[str, Any], faults: Sequence[Fault],
        *, required: bool = False,
    ) -> Control:  # fmt: skip
        value = body.get(name, [] if kind == "boxes" else "")
        value = ["on"] if value is True else value if kind == "boxes" else str(value)
        if name == "external_ref" and not value:
            value = f"desk-{secrets.token_hex(6)}"
        return Control(
            name, kind, zh, en, value, required, options=[(code, f"{a} {b}") for code, a, b in options], faults=controls.said_of(faults, name)
        )

    @staticmethod
    def _suspension(said_of: Mapping[str, Any], faults: Sequence[Fault]) -> list[Control]:
        def wrong(part: str) -> list[tuple[str, str]]:
            return controls.said_of(faults, f"suspension.{part}")

        kinds = [(code, " ".join(words)) for code, words in SUSPENSIONS.items()]
        allowed = [(code, " ".join(words)) for code, words in ALLOWED.items()]
        return [
            Control("suspension.kind", "select", "暂扣种类", "Kind", said_of.get("kind", ""), required=True, options=kinds, faults=wrong("kind")),
            Control("suspension.first", "date", "起", "First day", said_of.get("first", ""), required=True, faults=wrong("first")),
            Control("suspension.last", "date", "止（处罚必填）", "Last day; of a penalty always", said_of.get("last", ""), faults=wrong("last")),
            Control("suspension.allows", "boxes", "暂扣期间仍可办理", "Still allowed meanwhile", said_of.get("allows", []), options=allowed),
        ]

    def _targets(self) -> list[tuple[str, str, str]]:
        if "target" not in self.keys:
            return []
        entries = {entry.sequence: entry for entry in self.licence.entries}
        return [
            (str(number), f"第 {number} 条 {ACT_WORDS[entries[number].act][0]} {entries[number].effective_on}", ACT_WORDS[entries[number].act][1])
            for number in open_targets(self.licence, self.act)
        ]

    def _grounds(self) -> Sequence[str]:
        return {Act.WITHDRAW: WITHDRAWAL_GROUNDS, Act.WITHDRAW_ENDORSEMENT: ENDORSEMENT_GROUNDS}.get(self.act, tuple(GROUNDS))

    def _departments(self) -> list[tuple[str, str, str]]:
        known = self.desk.service.keyring.departments
        return [(uscc, one.name, one.name_en) for uscc, one in known.items() if uscc != self.desk.person.department]

    def _versions(self) -> list[tuple[str, str, str]]:
        return [
            (str(one.version), f"第 {one.version} 版", f"version {one.version}")
            for one in self.licence.versions
            if one.version not in self.licence.voided
        ]

    def _endorsements(self) -> list[tuple[str, str, str]]:
        kinds = self.desk.service.catalogue.kinds
        waiting = ((one, kinds[one.kind].title) for one in _endorsements(self.licence, self.act, kinds))
        return [(one.endorsement_id, f"{title.zh} {one.occurred_on}", title.en) for one, title in waiting]
