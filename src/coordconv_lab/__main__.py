"""`python -m coordconv_lab` is the command `coordconv`."""

import sys

from coordconv_lab.cli import main

sys.exit(main())
