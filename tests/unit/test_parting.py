"""Many values a part at a time."""

from licence_service.store.parting import AT_ONCE, parts


def test_every_value_is_in_one_part_in_its_order() -> None:
    for count in (0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE):
        found = list(parts(range(count)))
        assert [one for part in found for one in part] == list(range(count))
        assert all(len(part) == AT_ONCE for part in found[:-1])
        assert not found or 0 < len(found[-1]) <= AT_ONCE
    assert list(parts(iter("abc"), 2)) == [["a", "b"], ["c"]]
