"""Three families' scores in one small ranker, whose weights say what each is worth."""

from pipelines.models.blend.model import fit

__all__ = ["fit"]
