"""The trial exercise and the trial prediction of lesson 00."""
