"""Implicit matrix factorisation, a user folded in live."""

from pipelines.models.als.model import fit

__all__ = ["fit"]
