"""`python -m cifar_helpers.doctor`: 0 where lessons run, 1 where not."""

import sys

from cifar_helpers.doctor.report import main

sys.exit(main())
