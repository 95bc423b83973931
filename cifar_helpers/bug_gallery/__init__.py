"""Nine real bugs put into a healthy training run, what they do to it, and how to tell them apart."""
