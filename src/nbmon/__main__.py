"""`python -m nbmon` is `nbmon`."""

from nbmon.cli import main

main()
