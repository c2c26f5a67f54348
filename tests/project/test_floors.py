"""What `make bench` says of figures that miss their floors."""

import importlib
from pathlib import Path

import pytest

from bench import record as kept


@pytest.mark.parametrize(
    ("name", "figure", "better", "said"),
    [
        ("bulk_vs_tuned", 29.9, "higher", "MISSES ITS FLOOR of 30"),
        ("bulk_vs_tuned", 30.0, "higher", "reaches its floor of 30"),
        ("bulk_vs_tuned", 80.0, "higher", "reaches its goal of 80"),
        ("bulk_memory_mb", 401.0, "lower", "MISSES ITS FLOOR of 400"),
        ("bulk_memory_mb", 400.0, "lower", "reaches its floor of 400"),
        ("bulk_memory_mb", 200.0, "lower", "reaches its goal of 200"),
        ("types_vs_tuned", 41.0, "higher", "reaches its floor of 40"),
    ],
)
def test_a_figure_is_held_beside_its_floor_and_its_goal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, figure: float, better: str, said: str
) -> None:
    monkeypatch.setattr(kept, "PLACE", tmp_path / "bench.json")
    kept.record(name, figure, better=better, ours=1.0, peer=None, unit="x", worst=figure, rounds=1)
    assert said in capsys.readouterr().out
    assert [line.partition(":")[0] for line in kept.missed()] == ([name] if "MISSES" in said else [])


SERVED = {"__main__", "naive_verify"}  # the whole run; an application that a server of its own loads, with its register in the environment


@pytest.mark.parametrize("name", sorted({path.stem for path in Path("bench").glob("*.py")} - SERVED))
def test_every_bench_can_be_begun(name: str) -> None:
    assert importlib.import_module(f"bench.{name}").__doc__


def test_every_figure_with_a_floor_is_one_that_a_bench_records() -> None:
    benches = "".join(path.read_text("utf-8") for path in sorted(Path("bench").glob("*.py")))
    patterns = {"issue_p256_": "issue_{label}_", "issue_rsa2048_": "issue_{label}_", "types_vs_": "types_vs_{peer}"}
    for name in kept.FLOORS:
        made = next((pattern for start, pattern in patterns.items() if name.startswith(start)), f'"{name}"')
        assert made in benches, name
