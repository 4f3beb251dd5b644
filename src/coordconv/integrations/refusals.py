"""The error for transforms whose result has no placement."""

__all__ = ["not_affine"]


def not_affine(transform: str) -> ValueError:
    """Return the error for a transform whose result has no placement."""
    return ValueError(
        f"{transform} is not known to be affine, so its result has no placement; apply the same "
        "transforms to an image of coordinates (coordinate_image and coordinates_from_image of "
        "coordconv.integrations.coordinate_images), or pass the class of the transform in "
        "stationary=(...) if the transform does not move pixels"
    )
