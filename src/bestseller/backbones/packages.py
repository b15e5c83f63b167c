"""Published weights that come inside pip packages: no network is needed once they are installed."""

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
        """Read the tensors; the file is checked first, and nothing in it is executed.

        Raises:
            BestsellerError: the package is not installed, or its file is another one.
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
