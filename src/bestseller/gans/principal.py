"""Principal components of images in two parts: a linear code that is computed, not learned."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller.base.compute import to_signed

FITTED = 2000  # images that the components are fitted on, at most
SIDE = 128  # pixels; larger images are averaged down to it, and enlarged again after decoding
BLUR = 1 / 32  # standard deviation of the low-pass filter between the bands, over the image's side


class PrincipalComponents(nn.Module):
    """An image as the sum of two parts; each part is its mean plus sum_k z_k s_k v_k.

    The low part is that of the blurred image (see `low_pass`), the high part is the rest: what the
    low part's components leave of the image. v_k are the directions of largest variance of each,
    and s_k the standard deviations along them. So every z_k has unit variance over the images that
    `fit` gets. A code lists the low part's z_k first. With as many components of the high part as
    images, codes give the images back. Images larger than `SIDE` are coded at that side.

    Args:
        low, high: numbers of components of the parts.
        image_size: S, pixels.
    """

    def __init__(self, low: int, high: int, image_size: int) -> None:
        super().__init__()
        self.low, self.image_size, self.side = low, image_size, min(image_size, SIDE)
        values = 3 * self.side**2
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("basis", torch.zeros(low + high, values))
        self.mean: Tensor
        self.basis: Tensor

    def fit(self, images: np.ndarray) -> np.ndarray:
        """Find the components of uint8 images N x S x S x 3.

        If there are more components than images, the surplus components stay zero. The sign of
        each component is such that its largest entry is positive.

        Returns:
            The images' codes, float32 N x z_dim.
        """
        rows = np.linspace(0, len(images) - 1, min(len(images), FITTED)).round().astype(int)
        fitted = self._values(images[rows])
        low = low_pass(fitted).flatten(1)
        means = [low.mean(dim=0)]
        self.basis[: self.low] = components(low - means[0], self.low)
        inverses = [_inverse(self.basis[: self.low])]
        rest = (
            fitted.flatten(1) - means[0] - (low - means[0]) @ inverses[0] @ self.basis[: self.low]
        )
        means.append(rest.mean(dim=0))
        self.basis[self.low :] = components(rest - means[1], len(self.basis) - self.low)
        inverses.append(_inverse(self.basis[self.low :]))
        self.mean.copy_(means[0] + means[1])
        codes = []
        for start in range(0, len(images), 256):
            values = self._values(images[start : start + 256])
            z = (low_pass(values).flatten(1) - means[0]) @ inverses[0]
            rest = values.flatten(1) - self.mean - z @ self.basis[: self.low]
            codes.append(torch.cat([z, rest @ inverses[1]], dim=1))
        return torch.cat(codes).cpu().numpy()

    def forward(self, z: Tensor) -> Tensor:
        """Return the images of codes, float N x 3 x S x S, about -1 to 1."""
        return self._images(z @ self.basis + self.mean)

    def change(self, low: Tensor) -> Tensor:
        """Return what images change by where the low parts of their codes do, N x 3 x S x S.

        Args:
            low: differences of low parts, float N x low.
        """
        return self._images(low @ self.basis[: self.low])

    def _images(self, values: Tensor) -> Tensor:
        images = values.unflatten(1, (3, self.side, self.side))
        if self.side < self.image_size:
            size = (self.image_size, self.image_size)
            images = F.interpolate(images, size, mode="bilinear", align_corners=False)
        return images.contiguous(memory_format=torch.channels_last)

    def _values(self, images: np.ndarray) -> Tensor:
        """Return uint8 images as float32 N x 3 x side x side in [-1, 1]."""
        signed = to_signed(torch.from_numpy(np.ascontiguousarray(images)).to(self.mean.device))
        return F.adaptive_avg_pool2d(signed, self.side) if self.side < self.image_size else signed


def low_pass(images: Tensor) -> Tensor:
    """Blur N x 3 x S x S images by a Gaussian of S / 32 pixels, cut off at three deviations.

    Beyond the edges of the image the outermost pixels are repeated.
    """
    deviation = BLUR * images.shape[2]
    reach = max(1, round(3 * deviation))
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / deviation).square())
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    rows = F.conv2d(padded, kernel, groups=3)
    return F.conv2d(rows, kernel.transpose(2, 3), groups=3)


def components(centred: Tensor, count: int) -> Tensor:
    """Return the first principal components of rows around their mean, times their deviations.

    The Gram matrix of the rows is used, since there are fewer rows than values in a row.

    Args:
        centred: float32 N x D.
        count: number of components.

    Returns:
        float32 count x D, the longest first; rows beyond the rank of `centred` are zero.
    """
    gram = sum(part.double() @ part.double().T for part in centred.split(4096, dim=1))
    variances, vectors = torch.linalg.eigh(torch.as_tensor(gram) / len(centred))
    order = torch.arange(len(centred) - 1, -1, -1, device=centred.device)[:count]
    variances = variances[order].clamp(min=0)
    kept = variances > variances.max() * 1e-9
    scales = torch.where(kept, len(centred) ** -0.5, 0.0)
    found = (vectors[:, order] * scales).T.float() @ centred
    largest = found.gather(1, found.abs().argmax(dim=1, keepdim=True))
    result = torch.zeros(count, centred.shape[1], device=centred.device)
    result[: len(found)] = torch.where(largest < 0, -found, found)
    return result


def _inverse(scaled: Tensor) -> Tensor:
    """Return the matrix that maps values to codes, D x K, for components times deviations."""
    squares = scaled.double().square().sum(dim=1)
    inverse = torch.where(squares > 0, 1 / squares.clamp(min=1e-30), 0.0)
    return (scaled.double() * inverse[:, None]).T.float()
