"""Multi-task retrieval and ranking on TensorFlow Recommenders, from histories and content."""

from pipelines.models.multitask.recipe import fit

__all__ = ["fit"]
