"""The index of keys that are in no order (`store.keys`): made from other tables, and can be made again."""

from sqlalchemy import BigInteger, Column, Table

from licence_service.store.tables import metadata


def _keys(name: str) -> Table:
    return Table(
        name, metadata,
        Column("key", BigInteger, primary_key=True, autoincrement=False),  # 64 bits of a digest over kind and value
        Column("owner", BigInteger, primary_key=True, autoincrement=False),  # id of the row that has the value
        sqlite_with_rowid=False,
    )  # fmt: skip


recent_keys, settled_keys = _keys("recent_keys"), _keys("settled_keys")
