"""From any picture to ten probabilities, preprocessed as in training."""

from __future__ import annotations

import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import in_process, network, noise, random_images
from PIL import Image
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cifar_helpers import (
    CLASSES,
    MLP,
    CheckpointError,
    Cifar10,
    CifarCNN,
    FastCNN,
    collect_logits,
    load_run,
    load_weights,
)
from cifar_helpers._paths import resources
from cifar_helpers.data import normalise
from cifar_helpers.data.pictures import open_rgb
from cifar_helpers.inference import (
    PictureError,
    Prediction,
    percent,
    predict,
    predict_folder,
    preprocess,
    shipped_model,
)
from cifar_helpers.runs import BEST_RUN, DEFAULT_RUN

INPUTS = resources() / "inputs"


# --- preprocess ------------------------------------------------------------------------------------------


def forms_of(pixels: np.ndarray, folder: Path) -> dict[str, Any]:
    """One picture `(H, W, 3)` in every form that is accepted."""
    path = folder / "p.png"
    Image.fromarray(pixels).save(path)
    tensor = torch.from_numpy(pixels)
    return {
        "path": path,
        "text": str(path),
        "bytes": path.read_bytes(),
        "PIL": Image.fromarray(pixels),
        "array HWC": pixels,
        "array CHW": pixels.transpose(2, 0, 1),
        "mirrored view": pixels[:, ::-1][:, ::-1],
        "tensor HWC": tensor,
        "tensor CHW": tensor.permute(2, 0, 1),
        "float array": pixels / 255,
        "float tensor": tensor.float() / 255,
        "tensor with gradient": (tensor.float() / 255).requires_grad_(),
    }


@pytest.mark.parametrize("shape", [(32, 32), (50, 40), (9, 200)])
def test_every_form_of_a_picture_gives_the_same_pixels(tmp_path: Path, shape: tuple[int, int]) -> None:
    seen = {name: preprocess(form) for name, form in forms_of(noise(*shape, 3), tmp_path).items()}
    for name, pixels in seen.items():
        assert pixels.shape == (3, 32, 32) and pixels.dtype == torch.uint8 and pixels.is_contiguous(), name
        assert torch.equal(pixels, seen["path"]), name


def test_a_picture_of_32_by_32_keeps_every_bit(tmp_path: Path) -> None:
    pixels = noise(32, 32, 3)
    for name, form in forms_of(pixels, tmp_path).items():
        assert np.array_equal(preprocess(form).permute(1, 2, 0).numpy(), pixels), name


def test_grey_arrays_fill_all_three_channels() -> None:
    grey = noise(32, 32)
    assert all(np.array_equal(channel.numpy(), grey) for channel in preprocess(grey))
    assert torch.equal(preprocess(torch.from_numpy(grey / 255)), preprocess(grey))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_taken_too(dtype: torch.dtype) -> None:
    white = torch.ones(3, 40, 40, dtype=dtype)
    assert (preprocess(white) == 255).all()


@pytest.mark.parametrize(("width", "height"), [(96, 32), (32, 97), (128, 64)])
def test_the_central_square_is_cut_out(width: int, height: int) -> None:
    side = min(width, height)
    pixels = noise(height, width, 3)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    assert torch.equal(preprocess(pixels), preprocess(square))


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    board = (np.indices((320, 320)).sum(0) % 2 * 255).astype(np.uint8)
    seen = preprocess(board)[:, 2:-2, 2:-2].int()
    assert (seen - 127).abs().max() <= 2  # picking would give 0 or 255


def test_what_is_given_is_not_changed() -> None:
    pixels = noise(48, 48, 3)
    before, image = pixels.copy(), Image.fromarray(pixels).convert("RGBA")
    seen = preprocess(pixels)
    seen.zero_()
    preprocess(image)
    assert np.array_equal(pixels, before) and image.mode == "RGBA" and image.size == (48, 48)


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    pixels = noise(32, 32, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "p.png", exif=exif)
    assert np.array_equal(preprocess(tmp_path / "p.png").permute(1, 2, 0).numpy(), pixels)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (np.zeros((32, 32, 4), np.uint8), r"got \(32, 32, 4\)"),
        (np.zeros((1, 3, 32, 32), np.uint8), r"got \(1, 3, 32, 32\).*without a batch axis"),
        (torch.zeros(2, 32, 32), r"got \(2, 32, 32\)"),
        (np.zeros(3072, np.uint8), r"got \(3072,\)"),
        (np.zeros((0, 32, 3), np.uint8), r"got \(0, 32, 3\)"),
        (torch.zeros(3, 32, 32, dtype=torch.int64), "got int64"),
        (np.zeros((32, 32), bool), "got bool"),
        (np.zeros((32, 32), complex), "got complex128"),
        (normalise(torch.zeros(3, 32, 32, dtype=torch.uint8)), r"be in 0\.\.1, got -1\.9"),
        (np.full((32, 32), 255.0), r"got 255\.\.255.*divide by 255"),
        (np.full((32, 32), np.nan), r"got nan\.\.nan"),
        (np.full((32, 32), np.inf), r"got inf\.\.inf"),
        ([[0, 1], [2, 3]], "got list"),
        (None, "got NoneType"),
        (np.zeros((1, 1, 3), np.uint8), "1×1 pixels. Use one whose shorter side is at least 8"),
        (Image.new("RGB", (400, 7)), "400×7 pixels. Use one whose shorter side"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_shape_type_or_range(picture: Any, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        preprocess(picture)


def test_one_pixel_in_a_file_is_refused_and_eight_are_enough(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    Image.new("RGB", (8, 8), (9, 8, 7)).save(tmp_path / "eight.png")
    with pytest.raises(PictureError, match="1×1"):
        preprocess(tmp_path / "one.png")
    assert preprocess(tmp_path / "eight.png")[:, 5, 5].tolist() == [9, 8, 7]


@pytest.mark.parametrize(("width", "height"), [(20_000, 20), (20, 20_000), (20_000, 3_000)])
def test_very_wide_and_large_pictures_are_quick(tmp_path: Path, width: int, height: int) -> None:
    Image.new("L", (width, height), 77).save(tmp_path / "p.png")
    started = time.process_time()
    assert (preprocess(tmp_path / "p.png") == 77).all()
    assert time.process_time() - started < 5


def growth(path: Path) -> int:
    """KiB by which peak memory grows when a picture is opened."""
    import resource  # only POSIX has it

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    open_rgb(path)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


@pytest.mark.skipif(sys.platform != "linux", reason="measures in KiB, as Linux does")
def test_a_quarter_of_the_most_pixels_needs_less_than_a_quarter_of_a_gigabyte(tmp_path: Path) -> None:
    Image.new("RGBA", (4_000, 4_000), (10, 20, 30, 128)).save(tmp_path / "p.png", compress_level=1)
    assert 0 < in_process(growth, tmp_path / "p.png") < 250_000


# --- predict ---------------------------------------------------------------------------------------------


def by_hand(model: nn.Module, seen: Tensor) -> Tensor:
    with torch.no_grad():
        return model.eval()(normalise(seen)[None]).softmax(1)[0]


def test_an_answer_is_what_the_network_gives_by_hand() -> None:
    model, pixels = network(), noise(60, 40, 3)
    answer = predict(pixels, model, top=10)
    expected = by_hand(model, preprocess(pixels))
    assert torch.allclose(answer.probabilities, expected) and torch.equal(answer.seen, preprocess(pixels))
    assert answer.label == CLASSES[int(expected.argmax())]
    assert answer.probability == pytest.approx(float(expected.max()))
    assert [name for name, _ in answer.top] == [CLASSES[k] for k in expected.argsort(descending=True)]
    assert [p for _, p in answer.top] == pytest.approx(expected.sort(descending=True).values.tolist())
    assert float(answer.probabilities.sum()) == pytest.approx(1)


def test_a_batch_of_images_gets_the_same_answers_as_one_by_one() -> None:
    model, images = load_run(DEFAULT_RUN).model(), random_images(20)
    logits, _ = collect_logits(model, images)
    for image, row in zip(images.images, logits, strict=True):
        assert torch.allclose(predict(image, model).probabilities, row.softmax(0), atol=1e-4)


def test_without_a_model_the_shipped_weights_answer_and_are_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = noise(32, 32, 3)
    expected = predict(pixels, load_run(DEFAULT_RUN).model())
    assert torch.allclose(predict(pixels).probabilities, expected.probabilities, atol=1e-6)

    def refuse(name: str) -> None:
        raise AssertionError(f"run {name} is read again")

    monkeypatch.setattr("cifar_helpers.inference.load_run", refuse)
    predict(pixels)


def test_dropout_and_batch_norm_are_off_and_every_layer_keeps_its_mode() -> None:
    model = network().train()
    frozen = model.features[0]
    assert isinstance(frozen, nn.Module)
    frozen.eval()
    modes = [m.training for m in model.modules()]
    means = {k: v.clone() for k, v in model.state_dict().items()}
    pixels = noise(32, 32, 3)
    assert torch.equal(predict(pixels, model).probabilities, predict(pixels, model).probabilities)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(v, means[k]) for k, v in model.state_dict().items())


def test_modes_are_restored_after_an_error_too() -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise RuntimeError("no answer")

    model = nn.Sequential(Broken()).train()
    with pytest.raises(ValueError, match=r"the network fails .*no answer"):
        predict(noise(32, 32, 3), model)
    assert model.training and model[0].training


def test_a_network_in_another_precision_answers() -> None:
    answer = predict(noise(32, 32, 3), network().to(torch.bfloat16))
    assert answer.probabilities.dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_network_on_the_gpu_answers_there() -> None:
    pixels, model = noise(32, 32, 3), network()
    expected = predict(pixels, model).probabilities
    answer = predict(pixels, model.cuda())
    assert answer.probabilities.device.type == "cpu" and next(model.parameters()).is_cuda
    assert torch.allclose(answer.probabilities, expected, atol=1e-2)


def test_the_network_gets_its_input_on_its_own_device() -> None:
    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1, device="meta")

        def forward(self, images: Tensor) -> Tensor:
            self.where = images.device.type
            return torch.zeros(1, 10)

    model = Spy()
    predict(noise(32, 32, 3), model)
    assert model.where == "meta"


@pytest.mark.parametrize("top", [0, 11, -1])
def test_top_outside_1_to_10_is_refused(top: int) -> None:
    with pytest.raises(ValueError, match=f"1..10, got {top}") as caught:
        predict(noise(32, 32, 3), network(), top=top)
    assert not isinstance(caught.value, PictureError)
    with pytest.raises(ValueError, match=f"1..10, got {top}"):
        predict_folder(INPUTS, network(), top=top)


@pytest.mark.parametrize(
    ("logits", "says"),
    [(torch.zeros(1, 7), r"got \(1, 7\)"), (torch.full((1, 10), torch.nan), "NaN or infinite")],
)
def test_a_network_without_ten_finite_logits_is_refused(logits: Tensor, says: str) -> None:
    class Fixed(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return logits

    with pytest.raises(ValueError, match=says):
        predict(noise(32, 32, 3), Fixed())


def test_an_answer_reads_like_a_sentence() -> None:
    top = (("horse", 0.974), ("deer", 0.02), ("dog", 0.004))
    answer = Prediction("horse", 0.974, top, torch.zeros(10), torch.zeros(3, 32, 32, dtype=torch.uint8))
    assert str(answer) == "horse 97 %, deer 2 %, dog <1 %"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0049, "<1 %"), (0.0051, "1 %"), (0.5, "50 %"), (0.9949, "99 %"), (0.9951, ">99 %")]
)
def test_percent_never_claims_certainty(p: float, text: str) -> None:
    assert percent(p) == text


@pytest.mark.real
def test_the_shipped_network_knows_most_test_images(real_data: Cifar10) -> None:
    exact = real_data.exact_test.subset(slice(0, 100))
    right = sum(predict(i).label == CLASSES[k] for i, k in zip(exact.images, exact.labels, strict=True))
    assert right >= 80


# --- folders and shipped pictures ------------------------------------------------------------------------


def test_a_folder_is_predicted_in_name_order_and_other_files_are_reported(tmp_path: Path) -> None:
    for k, name in enumerate(["b.png", "a.png", "c.jpg"]):
        Image.fromarray(noise(40, 40, 3, seed=k)).save(tmp_path / name)
    (tmp_path / "aa.txt").write_text("words", encoding="utf-8")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    predictions, problems = predict_folder(tmp_path, network())
    assert list(predictions) == ["a.png", "b.png", "c.jpg"]
    assert torch.equal(predictions["b.png"].seen, preprocess(tmp_path / "b.png"))
    assert list(problems) == ["aa.txt", "cut.png"]
    assert "not a picture" in problems["aa.txt"] and "truncated" in problems["cut.png"]


def test_a_folder_of_more_than_a_batch_gives_the_answers_of_predict(tmp_path: Path) -> None:
    for k in range(70):
        Image.fromarray(noise(40 + k, 50, 3, seed=k)).save(tmp_path / f"{k:02d}.png")
    (tmp_path / "30.png").write_bytes(b"words")
    filters = list(warnings.filters)
    model = network()
    predictions, problems = predict_folder(tmp_path, model, top=2)
    assert warnings.filters == filters
    assert list(problems) == ["30.png"] and list(predictions) == [f"{k:02d}.png" for k in range(70) if k != 30]
    for name, answer in predictions.items():
        alone = predict(tmp_path / name, model, top=2)
        assert torch.equal(answer.seen, alone.seen) and answer.label == alone.label
        assert torch.allclose(answer.probabilities, alone.probabilities, atol=1e-5) and len(answer.top) == 2


class CountsCalls(nn.Module):
    """Says how many images it was given at a time, and refuses more than it can take."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.sizes = most, list[int]()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise RuntimeError("too many")
        return images.flatten(1)[:, :10]


def test_a_folder_goes_through_the_network_in_batches_or_else_one_by_one(tmp_path: Path) -> None:
    for k in range(66):
        Image.fromarray(noise(32, 32, 3, seed=k)).save(tmp_path / f"{k:02d}.png")
    batches, single = CountsCalls(64), CountsCalls(1)
    together, _ = predict_folder(tmp_path, batches)
    apart, _ = predict_folder(tmp_path, single)
    assert batches.sizes == [64, 2] and single.sizes == [64, *[1] * 64, 2, 1, 1]
    assert all(torch.equal(together[name].probabilities, apart[name].probabilities) for name in apart)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    assert predict_folder(tmp_path) == ({}, {})
    with pytest.raises(PictureError, match=r"there is no folder .*nowhere"):
        predict_folder(tmp_path / "nowhere")
    (tmp_path / "p.png").touch()
    with pytest.raises(PictureError, match=r"p\.png is a file, not a folder"):
        predict_folder(tmp_path / "p.png")


def test_one_picture_of_each_class_and_one_of_none_are_shipped_and_small() -> None:
    names = sorted(p.name for p in INPUTS.glob("*.png"))
    assert names == sorted(f"{name}.png" for name in (*CLASSES, "none"))
    for name in names:
        assert Image.open(INPUTS / name).size == (256, 256)
        assert (INPUTS / name).stat().st_size < 60_000


def test_the_shipped_pictures_are_predicted_and_half_of_the_drawings_correctly() -> None:
    predictions, problems = predict_folder(INPUTS)
    assert list(problems) == ["README.md"]
    right = [name for name, answer in predictions.items() if name == f"{answer.label}.png"]
    assert len(predictions) == 11 and len(right) >= 5


# --- weights from others ---------------------------------------------------------------------------------


class _Hostile:
    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return exec, (self.code,)


@pytest.mark.parametrize("how", ["torch", "torch, old format", "pickle"])
def test_code_in_a_file_of_weights_is_not_run(tmp_path: Path, how: str) -> None:
    trap, path = tmp_path / "trap", tmp_path / "weights.pt"
    bomb = _Hostile(f"import os; os.mkdir({str(trap)!r})")
    weights = {**CifarCNN().state_dict(), "extra": bomb}
    if how == "pickle":
        path.write_bytes(pickle.dumps(bomb))
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(CheckpointError, match="could run code"):
        load_weights(CifarCNN(), path)
    assert not trap.exists()
    if how == "pickle":  # the trap is a real one
        pickle.loads(path.read_bytes())
        assert trap.exists()
        os.rmdir(trap)  # noqa: PTH106


def test_weights_of_another_architecture_are_refused_with_the_first_difference(tmp_path: Path) -> None:
    torch.save(MLP().state_dict(), tmp_path / "mlp.pt")
    with pytest.raises(CheckpointError, match=r"does not fit CifarCNN: features\.0\.0\.weight"):
        load_weights(CifarCNN(), tmp_path / "mlp.pt")


def test_the_best_network_is_the_recorded_one_and_read_once() -> None:
    best = shipped_model("best")
    assert shipped_model("best") is best and best is not shipped_model()
    assert isinstance(best, FastCNN) and not best.training
    picture = noise(40, 40, 3)
    with torch.no_grad():
        by_hand = best(normalise(preprocess(picture))[None]).softmax(1)[0]
    assert torch.allclose(predict(picture, model="best").probabilities, by_hand, atol=1e-6)
    assert not torch.allclose(predict(picture).probabilities, by_hand, atol=1e-3)


def test_the_weights_of_the_best_network_are_at_most_five_million_bytes_and_keep_94_percent() -> None:
    run = load_run(BEST_RUN)
    assert (run.folder / "weights.pt").stat().st_size <= 5_000_000
    rounded, before = (run.metrics[name]["accuracy"] for name in ("validation", "validation, float32 weights"))
    assert rounded == float(run.correct().double().mean()) >= 0.935 and abs(rounded - before) < 0.002


def test_the_best_network_takes_26_times_the_operations_as_predict_says() -> None:
    flops = []
    for model in (shipped_model("best"), shipped_model()):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.zeros(1, 3, 32, 32))
        flops.append(counter.get_total_flops())
    assert f"with {flops[0] / flops[1]:.0f} times the operations" in " ".join((predict.__doc__ or "").split())


def test_the_best_network_knows_the_validation_images_as_recorded(real_data: Cifar10) -> None:
    part = real_data.split()[1].subset(slice(0, 200))
    predicted = collect_logits(shipped_model("best"), part)[0].argmax(1)
    assert (predicted == load_run(BEST_RUN).predictions()[:200]).sum() >= 199
