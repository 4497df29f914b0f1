"""The fit loop of families that learn by epochs: steps, progress, early stopping."""
