"""``python -m decanet`` is ``decanet``."""

from decanet.cli import main

main()
