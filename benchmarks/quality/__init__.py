"""How good the recommenders are on MovieLens-100K, by every protocol; see `__main__`."""
