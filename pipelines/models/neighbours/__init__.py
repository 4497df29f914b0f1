"""Item-item nearest neighbours by who chose both."""

from pipelines.models.neighbours.model import fit

__all__ = ["fit"]
