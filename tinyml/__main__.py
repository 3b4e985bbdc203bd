"""`python -m tinyml` is `tinyml`."""

from tinyml.cli import main

main()
