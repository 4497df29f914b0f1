"""What the README says of seconds and memory: each module prints JSON and writes `results/`."""
