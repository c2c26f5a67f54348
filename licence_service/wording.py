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
