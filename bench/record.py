"""`var/bench.json`: one line per figure, replaced by name, so that every bench of the project adds to the same file; floors and goals beside it."""

import json
import platform
import tomllib
from pathlib import Path
from typing import Any

PLACE = Path("var/bench.json")
FLOORS: dict[str, dict[str, float]] = tomllib.loads((Path(__file__).parent / "floors.toml").read_text("utf-8"))


def machine() -> str:
    """Return what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    cores = sum(line.startswith("processor") for line in lines)
    return f"{processor}, {cores} cores, Python {platform.python_version()}"


def record(name: str, figure: float, *, better: str, ours: float, peer: float | None, unit: str, worst: float, rounds: int) -> None:
    """Write a figure and print it."""
    line: dict[str, Any] = {
        "name": name, "figure": round(figure, 4), "better": better, "ours": round(ours, 4), "peer": round(peer, 4) if peer is not None else None,
        "unit": unit, "worst": round(worst, 4), "rounds": rounds, "machine": machine(),
    }  # fmt: skip
    kept = json.loads(PLACE.read_text("utf-8")) if PLACE.exists() else []
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(json.dumps([*(one for one in kept if one["name"] != name), line], ensure_ascii=False, indent=2) + "\n", "utf-8")
    peers = f", peer {peer:.2f} {unit}" if peer is not None else ""
    print(f"{name}: {figure:.3f} ({better} is better; ours {ours:.2f} {unit}{peers}; worst round {worst:.3f}; {rounds} rounds){_judged(line)}")


def missed() -> list[str]:
    """Return the figures of `var/bench.json` that miss their floors, in words."""
    kept = json.loads(PLACE.read_text("utf-8")) if PLACE.exists() else []
    return [f"{line['name']}: {line['figure']}{_judged(line)}" for line in kept if _short(line, "floor")]


def _short(line: dict[str, Any], of: str) -> bool:
    """Say whether a figure misses its floor, or its goal."""
    wanted = FLOORS.get(line["name"], {}).get(of)
    return wanted is not None and (line["figure"] < wanted if line["better"] == "higher" else line["figure"] > wanted)


def _judged(line: dict[str, Any]) -> str:
    wanted = FLOORS.get(line["name"])
    if not wanted:
        return ""
    if _short(line, "floor"):
        return f" MISSES ITS FLOOR of {wanted['floor']:g}"
    return (
        f" – reaches its floor of {wanted['floor']:g}"
        if _short(line, "goal") or "goal" not in wanted
        else f" – reaches its goal of {wanted['goal']:g}"
    )
