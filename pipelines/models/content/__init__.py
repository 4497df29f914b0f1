"""Content-based: what an item is like, against what the history was like."""

from pipelines.models.content.model import fit

__all__ = ["fit"]
