"""Collaborative filtering, item to item: EASE over a recency-weighted history."""

from pipelines.models.cf.model import fit

__all__ = ["fit"]
