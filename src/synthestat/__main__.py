"""`python -m synthestat` is the command `synthestat`."""

from synthestat.cli import main

main()
