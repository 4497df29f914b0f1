"""Sequence rules: which items follow which."""

from pipelines.models.sequence.model import fit

__all__ = ["fit"]
