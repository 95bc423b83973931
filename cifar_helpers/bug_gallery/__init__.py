"""Nine real bugs put into a healthy training, what they do to it, and how to tell them apart."""
