"""What the course's training costs, against what, and where the time goes. `make bench` runs all of it."""
