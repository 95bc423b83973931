"""`python -m cifar_helpers.doctor`: the exit status is 0 if the lessons will run, 1 if not."""

import sys

from cifar_helpers.doctor.report import main

sys.exit(main())
