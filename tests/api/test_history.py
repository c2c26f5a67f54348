"""The history of a licence through HTTP: each act in words, the differences of each version, the bars, both clocks, and what strangers see."""

import base64
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from licence_service.licence import beijing_day
from tests.world import DRIVER, VEHICLE, World, decision

NEIGHBOUR = "11519902MB990003XD"
OLD_EMPLOYER, NEW_EMPLOYER, LAST_EMPLOYER = "蜀安旧途运输有限公司", "蜀安新途运输有限公司", "蜀安正途运输有限公司"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def other_picture() -> str:
    """Return another small JPEG of a face's shape as base64."""
    sink = io.BytesIO()
    Image.new("RGB", (400, 500), (120, 140, 160)).save(sink, "JPEG")
    return base64.b64encode(sink.getvalue()).decode()


@dataclass
class Life:
    """A licence that lived long: how to ask for it, and the days between its acts."""

    licence_id: str
    number: str
    check_code: str
    headers: dict[str, str]
    days: dict[str, date]


class Living:
    """Enters acts one after another, by the department that holds the licence."""

    def __init__(self, world: World, slug: str, licence_id: str) -> None:
        self.world, self.slug, self.licence_id = world, slug, licence_id
        self.headers = world.headers(slug)
        self.count = 0

    @property
    def today(self) -> date:
        return beijing_day(self.world.clock())

    def wait(self, days: int) -> date:
        self.world.clock.now += timedelta(days=days)  # type: ignore[attr-defined]
        return self.today

    def enter(self, act: str, **body: Any) -> dict[str, Any]:
        self.count += 1
        said = decision(self.today, number=f"示许〔{self.today.year}〕{self.count:03d}号")
        answer = self.world.http.post(
            f"/licences/{self.licence_id}/entries", json={"act": act, "decision": said, **body},
            headers={**self.headers, "Idempotency-Key": f"life-{act}-{self.count:04d}"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def suspend(self, kind: str, days: int | None, **more: Any) -> dict[str, Any]:
        last = {"last": (self.today + timedelta(days=days)).isoformat()} if days is not None else {}
        return self.enter("suspend", suspension={"kind": kind, "first": self.today.isoformat(), **last, **more})

    def endorse(self, kind: str, ref: str, **facts: Any) -> str:
        return str(self.enter("endorse", kind=kind, facts={"date": self.today.isoformat(), **facts}, external_ref=ref)["endorsement_ids"][0])


def long_life(world: World) -> Life:
    """A driver's qualification with everything that can happen to one."""
    issued = world.issue(DRIVER, face={"employer": OLD_EMPLOYER})
    living = Living(world, DRIVER, issued["licence_id"])
    days = {"issued": living.today, "changed": living.wait(60)}
    living.enter("change", face={"employer": NEW_EMPLOYER, "address": "示例省蜀安市青溪区和平巷5号"}, photos={"photo": other_picture()})
    living.wait(40)
    period = {"period_start": days["issued"].isoformat(), "period_end": (days["issued"] + timedelta(days=364)).isoformat(), "authority": "示例机关"}
    wrong = living.endorse("integrity_assessment", "grade-1", grade="AA", points=6, **period)
    living.wait(10)
    right = living.enter(
        "endorse", kind="integrity_assessment", external_ref="grade-2", corrects=wrong,
        facts={"date": living.today.isoformat(), "grade": "AAA", "points": 0, **period},
    )["endorsement_ids"][0]  # fmt: skip
    facts = {"decision_no": "示交罚〔2027〕9号", "act": "未按规定携带证件", "penalty": "警告", "points": 1, "authority": "示例机关"}
    living.endorse("violation", "violation-1", **facts)
    living.wait(30)
    days["suspended"] = living.today
    living.suspend("penalty", 89)
    days["measure"] = living.wait(20)
    measure = living.suspend("measure", None, allows=["change"])
    days["lifted"] = living.wait(95)
    living.enter("lift", target=measure["sequence"])
    days["lost"] = living.wait(60)
    living.enter("report_lost")
    days["replaced"] = living.wait(20)
    living.enter("replace", reason="lost")
    living.wait(100)
    days["released"] = living.today
    living.enter("transfer", to_department=NEIGHBOUR, reason_text="户籍迁移")
    living.wait(12)
    living.headers = {"Authorization": f"Bearer {world.tokens[NEIGHBOUR]}"}
    living.enter("accept_transfer", face={"employer": LAST_EMPLOYER})
    living.wait(200)
    ended = living.today - timedelta(days=20)
    days["cancelled"] = ended
    cancelled = living.enter("cancel", ground="age", right_ended_on=ended.isoformat())
    days["reinstated"] = living.wait(120)
    living.enter("reinstate", target=cancelled["sequence"])
    living.wait(50)
    living.enter("withdraw_endorsement", endorsement_id=right, ground="error")
    living.enter("correct", face={"address": "示例省蜀安市青溪区和平巷7号"}, reason_text="门牌有误")
    living.wait(30)
    stopped = living.suspend("penalty", 60)
    living.wait(5)
    living.enter("stay", target=stopped["sequence"], until=(living.today + timedelta(days=20)).isoformat())
    living.wait(15)
    days["reversed"] = living.today
    last = living.enter("reseal", reason_text="更换印章")
    living.wait(5)
    return Life(issued["licence_id"], last["number"], last["check_code"], living.headers, days)
