"""What the README's figures come from: each module prints JSON and writes `results/`."""
