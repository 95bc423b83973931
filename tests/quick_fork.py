"""Imported last by the process from which others are forked: what it holds is never searched for garbage again.

A search writes to every object, so each fork would copy all of them.
"""

import gc

gc.freeze()
