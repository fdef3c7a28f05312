"""`python -m murai_show` is `murai-show`."""

from murai_show.cli import main

main()
