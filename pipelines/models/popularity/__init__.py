"""Popularity with recency decay: the floor that every other family must beat."""

from pipelines.models.popularity.model import fit

__all__ = ["fit"]
