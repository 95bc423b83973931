"""What `BatchLoader` does beyond giving every image once: alternate flips, mixed images, shares for processes."""

from __future__ import annotations

import pytest
import torch
from helpers import random_images
from torchvision.transforms.v2 import MixUp

from cifar_helpers import Augment, BatchLoader
from cifar_helpers.data import normalise


def test_two_passes_with_alternate_flip_show_both_views_of_each_image() -> None:
    images = random_images(40)
    loader = BatchLoader(images, 7, alternate_flip=True)
    first, second, third = (torch.cat([batch for batch, _ in loader]) for _ in range(3))
    plain = normalise(images.images)
    mirrored = (first == plain.flip(3)).flatten(1).all(1)
    assert 10 <= int(mirrored.sum()) <= 30
    assert torch.equal(first[~mirrored], plain[~mirrored])
    assert torch.equal(second, first.flip(3)) and torch.equal(third, first)


def test_alternate_flip_follows_the_images_into_any_order() -> None:
    images = random_images(40)
    still = torch.cat([batch for batch, _ in BatchLoader(images, 7, alternate_flip=True)])
    loader = BatchLoader(images, 7, shuffle=True, alternate_flip=True)
    shuffled = torch.cat([batch for batch, _ in loader])
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert torch.equal(shuffled, still[order])


def test_mixed_batches_have_mixed_labels() -> None:
    torch.manual_seed(0)
    images = random_images(32)
    loader = BatchLoader(images, 32, mix=MixUp(alpha=1.0, num_classes=10))
    batch, labels = next(iter(loader))
    assert labels.shape == (32, 10) and torch.allclose(labels.sum(1), torch.ones(32))
    share = float(labels[0].max())
    plain = normalise(images.images)
    assert torch.allclose(batch[1], share * plain[1] + (1 - share) * plain[0], atol=1e-5) or torch.allclose(
        batch[1], (1 - share) * plain[1] + share * plain[0], atol=1e-5
    )


def test_the_shares_of_all_processes_make_up_what_one_would_see() -> None:
    images = random_images(50)
    options = {"shuffle": True, "augment": Augment(flip=True, shift=2, cutout=4), "seed": 3}
    whole = list(BatchLoader(images, 20, **options))  # type: ignore[arg-type]
    shares = [list(BatchLoader(images, 20, shard=(k, 3), **options)) for k in range(3)]  # type: ignore[arg-type]
    for number, (batch, labels) in enumerate(whole):
        for k, share in enumerate(shares):
            assert torch.equal(share[number][0], batch[k::3]) and torch.equal(share[number][1], labels[k::3])


@pytest.mark.parametrize("share", [(1, 1), (-1, 2), (0, 0), (0, 21)])
def test_a_share_that_names_no_process_is_refused(share: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="shard must be"):
        BatchLoader(random_images(40), 20, shard=share)


def test_a_last_batch_too_small_to_share_is_refused() -> None:
    with pytest.raises(ValueError, match="the last batch holds 1 images, too few to share among 2"):
        BatchLoader(random_images(41), 20, shard=(0, 2))
    assert len(list(BatchLoader(random_images(42), 20, shard=(1, 2)))) == 3
