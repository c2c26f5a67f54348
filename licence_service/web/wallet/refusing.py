"""Refusals in the wallet, in words, with what stands around every page of whoever is signed in."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request

from licence_service.errors import Fault, Unavailable
from licence_service.wallet import DelegationOver
from licence_service.web.access import service_of
from licence_service.web.desk_words import fault_words
from licence_service.web.wallet.room import COOKIE, Wallet, invited_to

# Names of fields as a holder reads them; a name of ours is said where there is none.
_FIELDS = {
    "by": "查找方式", "value": "证号或车牌", "delivery_code": "领取码", "type": "证照类型", "region": "区划代码", "name": "姓名", "number": "证件号码",
    "role": "身份", "acts": "可以做什么", "types": "证照类型", "first_on": "起始日期", "last_on": "截止日期",
    "cards": "证照", "months": "期限", "code": "邀请码",
}  # fmt: skip


def in_words(faults: Iterable[Fault]) -> list[tuple[str, str, str]]:
    """Return faults as (field, words, English)."""
    return [(_FIELDS.get(one.path, one.path), fault_words(one.code), one.message) for one in faults]


def around(request: Request) -> Mapping[str, Any]:
    """Return the values around a refusal; of who is signed in none where nobody is, or it cannot be said for whom they act."""
    service, token, invited = service_of(request), request.cookies.get(COOKIE, ""), {"invited": invited_to(request)}
    try:
        holding = service.wallet.holding(token)
    except (Unavailable, DelegationOver):
        return invited
    return {**Wallet(service, holding, token).around, **invited} if holding else invited
