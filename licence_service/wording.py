"""The words of a verdict besides its reasons, in the two languages of the public side."""

from collections.abc import Mapping
from typing import TypeAlias

Words: TypeAlias = Mapping[str, tuple[str, str]]

HEADLINES: Words = {
    "valid": ("有效", "Valid"),
    "valid_conditions_unmet": ("有效，但有条件未满足", "Valid, but a condition is not met"),
    "not_valid": ("无效", "Not valid"),
    "cannot_decide": ("无法判定", "Cannot be decided"),
}
THEN: Words = {  # of a day that is over, or of what was known then
    "valid": ("在 {day} 有效", "Was valid on {day}"),
    "valid_conditions_unmet": ("在 {day} 有效，但有条件未满足", "Was valid on {day}, but a condition was not met"),
    "not_valid": ("在 {day} 无效", "Was not valid on {day}"),
    "cannot_decide": ("在 {day} 是否有效，无法判定", "Cannot be decided for {day}"),
}
AHEAD: Words = {  # of a day to come
    "valid": ("预计在 {day} 有效", "Would be valid on {day}"),
    "valid_conditions_unmet": ("预计在 {day} 有效，但有条件未满足", "Would be valid on {day}, but a condition is not met"),
    "not_valid": ("预计在 {day} 无效", "Would not be valid on {day}"),
    "cannot_decide": ("在 {day} 是否有效，无法判定", "Cannot be decided for {day}"),
}
BY_THEN = ("按 {known} 的登记，{said}", "{said} by the register of {known}")
NOT_NOW: Words = {
    "past": ("{said}（历史查询，非现状）", "{said} – not the present state"),
    "ahead": ("{said}（预期，非现状）", "{said} – foreseen, not the present state"),
}
QUESTIONS: Words = {
    "authentic": ("真实性", "Authentic"),
    "current": ("现行版本", "Current document"),
    "in_force": ("证照效力", "Right in force"),
    "conditions": ("条件", "Conditions"),
    "shown": ("持证人出示", "Shown by the holder"),
}
CHECKS: Words = {
    "register": ("登记", "In the register"),
    "seal": ("签名", "Seal or signature"),
    "document": ("文件", "This document"),
    "version": ("版本", "Version"),
    "right": ("效力", "State of the right"),
    "dates": ("期限", "Dates"),
    "conditions": ("条件", "Conditions"),
    "showing": ("出示", "Shown by the holder"),
}
RESULTS: Words = {
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "unknown": ("不确定", "unknown"),
    "not_asked": ("未核对", "not asked"),
}
SOURCES: Words = {
    "register": ("登记簿", "The register"),
    "keys": ("信任的印章与密钥", "Trusted seals and keys"),
    "seal": ("文件签名的核验", "The examination of the seal"),
}

STANDINGS: Words = {  # of what a holder lent
    "living": ("授权有效", "The lending lives"),
    "revoked": ("持证人已撤回此授权", "The holder has taken this lending back"),
    "expired": ("授权期限已过", "The term of this lending is over"),
    "used_up": ("授权次数已用完", "The uses of this lending are used up"),
}


def dated(overall: str, day: str, *, ahead: bool) -> tuple[str, str]:
    """Return a verdict's word with its day (ISO), which is over or, `ahead`, still to come."""
    zh, en = (AHEAD if ahead else THEN)[overall]
    return zh.format(day=day), en.format(day=day)


def not_now(said: tuple[str, str], *, ahead: bool, known: str = "") -> tuple[str, str]:
    """Return a dated word that says of itself that it is not the present state; `known` is the instant of the register it rests on."""
    forms = (BY_THEN, NOT_NOW["ahead" if ahead else "past"]) if known else (NOT_NOW["ahead" if ahead else "past"],)
    for zh, en in forms:
        said = zh.format(said=said[0], known=known), en.format(said=said[1], known=known)
    return said
