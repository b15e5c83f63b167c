"""Published weights inside pip packages: once a package is installed, no download is needed."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from bestseller.base.errors import BestsellerError
from bestseller.base.files import sha256_file

INSTALL = "run `pip install -r requirements.txt`"


@dataclass(frozen=True)
class Package:
    """A weight file inside an installed package.

    Attributes:
        name: of the package, as it is imported.
        file: path of the file inside the package.
        sha256: of the file.
    """

    name: str
    file: str
    sha256: str

    def weights(self) -> dict[str, Tensor]:
        """Check the file's hash and read its tensors; no code in the file is executed.

        Raises:
            BestsellerError: the package is not installed, or its file has another hash.
        """
        found = find_spec(self.name)
        if found is None or found.origin is None:
            raise BestsellerError(f"{self.name}: not installed; {INSTALL}")
        path = Path(found.origin).parent / self.file
        if not path.is_file() or sha256_file(path) != self.sha256:
            raise BestsellerError(
                f"{path}: missing, or its SHA-256 is not {self.sha256}; {INSTALL} --force-reinstall"
            )
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return state
