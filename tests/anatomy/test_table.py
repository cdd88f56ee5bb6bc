"""The table of the networks in the package."""

from decanet.anatomy.table import FILE, as_text, computed, table


def test_the_table_in_the_package_is_what_the_networks_are() -> None:
    assert table() == computed(), "run: python docs/generate.py"
    assert FILE.read_text(encoding="utf-8") == as_text(table())
