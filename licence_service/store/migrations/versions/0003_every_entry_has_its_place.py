"""Every entry gets its place in the book, in the order in which they were recorded.

The guard of the entries is lifted for the one statement that fills the new column and stands again before the commit;
bodies and digests are not touched. Writers wait meanwhile, readers do not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

PLACES = """
UPDATE entries SET place = numbered.place
FROM (SELECT id, row_number() OVER (ORDER BY recorded_at) AS place FROM entries) AS numbered
WHERE numbered.id = entries.id
"""
NO_UPDATE = "CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'only inserted'); END"


def upgrade() -> None:
    """Fill the new columns."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        op.execute("DROP TRIGGER entries_no_update")
        op.execute(PLACES)
        op.execute(NO_UPDATE)
    else:
        op.execute("LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE")  # no entry comes between; SELECT goes on
        op.execute("ALTER TABLE entries DISABLE TRIGGER entries_only_insert")
        op.execute(PLACES)
        op.execute("ALTER TABLE entries ENABLE TRIGGER entries_only_insert")
    op.execute("UPDATE licences SET issuer = department")
    # The next place is counted on from here; a book without entries begins at 1.
    last = op.get_bind().execute(sa.text("SELECT coalesce(max(place), 0) FROM entries")).scalar_one()
    op.get_bind().execute(sa.text("INSERT INTO counters (name, value) VALUES ('book', :last)"), {"last": last})
    op.create_index("uq_entries_place", "entries", ["place"], unique=True)
    for column in ("issuer", "parent", "valid_to", "due_on"):
        op.create_index(f"ix_licences_{column}", "licences", [column])
    _no_line_without_a_place(sqlite=sqlite)


def _no_line_without_a_place(*, sqlite: bool) -> None:
    """A writer of the first release, left running by mistake, would enter lines that no head ever covers: it is refused."""
    if sqlite:
        op.execute(
            "CREATE TRIGGER entries_have_a_place BEFORE INSERT ON entries WHEN NEW.place IS NULL "
            "BEGIN SELECT RAISE(ABORT, 'an entry has a place'); END"
        )
        return
    op.execute("CREATE FUNCTION has_a_place() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'an entry has a place'; END $$")
    op.execute("CREATE TRIGGER entries_have_a_place BEFORE INSERT ON entries FOR EACH ROW WHEN (NEW.place IS NULL) EXECUTE FUNCTION has_a_place()")
