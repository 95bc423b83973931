"""Lets each process of pytest start sooner; `make test` loads it before everything else (`-p tests.quick_start`)."""

import gc
import sys

# With the usual thresholds every sixth second of all imports is a search for garbage, which finds none.
gc.set_threshold(100_000, 50, 100)
# nbformat loads grammars of internet addresses, for 1.4 s, if this package is there; no notebook needs them.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
