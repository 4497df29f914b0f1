"""Models that the gate must refuse, built from outside: from the artifact contract alone."""
