"""What other libraries need to be right with coordinate layers; each is imported only on use."""

__all__ = ["transformers"]  # pyright: ignore[reportUnsupportedDunderAll]
