"""`licence-service deadlines`: tell holders of what is due now, and see what is due when."""

from datetime import timedelta
from typing import Annotated

import typer

from licence_service.cli.talking import err, out, progress, said, service, show
from licence_service.errors import Refusal, Unavailable
from licence_service.licence import beijing_day
from licence_service.service import Service

app = typer.Typer(no_args_is_help=True, help="Deadlines of licences that holders keep as cards: tell of them, see what is due when.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MOST_DAYS = 366


def add_to(root: typer.Typer) -> None:
    """Add the commands to the application."""
    root.add_typer(app, name="deadlines")


@app.command("run")
@said
def run() -> None:
    """Do rounds until nothing is left to do now: look at licences whose day has come, send what may be sent, carry it to host apps."""
    with service() as opened:
        reminders, today = opened.reminders, beijing_day(opened.now())
        done = 0
        while reminders.reminding.looks.follow():
            pass
        with progress("looking and telling", reminders.reminding.looks.count_due(today)) as step:
            while some := reminders.reminding.work():
                done += some
                step("", some)
        carried = reminders.messenger.work()
        states = ", ".join(f"{state} {number}" for state, number in sorted(reminders.reminding.notices.counts().items())) or "none"
    out.print(f"looked and told {done}, messages tried {carried}; notices: {states}")


@app.command("due")
@said
def due(
    days: Annotated[int, typer.Option(help="For so many days from today on.", min=1, max=_MOST_DAYS)] = 14,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show how many licences are looked at on each of the next days. Whom that concerns, and what it is, is not shown."""
    with service() as opened:
        today = beijing_day(opened.now())
        looks = opened.reminders.reminding.looks
        before = looks.count_due(today - timedelta(days=1))
        rows = [{"day": "overdue", "licences": before}] if before else []
        for number in range(days):
            day = today + timedelta(days=number)
            until = looks.count_due(day)
            rows.append({"day": day.isoformat(), "licences": until - before})
            before = until
    show(rows, as_json=as_json, columns=("day", "licences"))


def remind(opened: Service) -> None:
    """Do what is due now, for `licence-service work`; what stands in the way is said and tried again."""
    try:
        while opened.reminders.reminding.work():
            pass
        opened.reminders.messenger.work()
    except (Refusal, Unavailable) as trouble:
        err.print(f"[yellow]not told[/]  {trouble.detail}")
