"""What a version says differently from the one before it, as far as the asker may see it."""

from collections.abc import Mapping
from typing import Any

from licence_service.fields import Asker, Face, Field, Value, disclose, printed
from licence_service.recording import LONGEST_REPEATED

Change = dict[str, Any]


def differences(fields: Mapping[str, Field], old: Face, new: Face, versions: tuple[int, int], asker: Asker) -> list[Change]:
    """Return the changed fields in the order of `fields`, masked where they say so; what the asker does not see is left out.

    A photo, a table or a very long text is named by the two versions that show it, instead of being repeated.
    """
    changed = {name: field for name, field in fields.items() if old.get(name) != new.get(name)}
    before, after = (disclose(changed, {name: face[name] for name in changed if name in face}, asker) for face in (old, new))
    return [_change(name, field, (old, new), (before, after), versions) for name, field in changed.items() if name in before or name in after]


def _change(name: str, field: Field, faces: tuple[Face, Face], seen: tuple[Face, Face], versions: tuple[int, int]) -> Change:
    texts = [text_of(field, side.get(name), face.get(name)) for side, face in zip(seen, faces, strict=True)]
    named = field.type in {"image", "table"} or any(len(text or "") > LONGEST_REPEATED for text in texts)
    old, new = (None, None) if named else texts
    said = "photo" if field.type == "image" else "document" if named else "value"
    return {
        "name": name, "zh": field.label, "en": field.label_en, "said_by": said, "old": old, "new": new,
        "versions": [number for number, face in zip(versions, faces, strict=True) if name in face] if named else [],
    }  # fmt: skip


def text_of(field: Field, seen: Value | None, value: Value | None) -> str | None:
    """Return what an asker reads for a value: the printed text of one shown in full, the masked text of another; None for none."""
    if seen is None:
        return None
    return str(seen) if seen != value or field.type in {"image", "table"} else printed(field, seen)
