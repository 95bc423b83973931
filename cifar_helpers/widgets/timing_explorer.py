"""Time per image against batch size: compare two curves, see where they cross, and what a step costs by itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

import numpy as np
import traitlets

from cifar_helpers.widgets._base import CourseWidget

__all__ = ["Fit", "TimingExplorer", "crossovers", "fit", "time_at", "timing_explorer"]

Curve = Mapping[int, float]
"""Batch size to milliseconds per image."""

Work = Callable[[int], tuple[float, float]]
"""Batch size to the FLOP and the bytes of a step."""

SOURCES: Final = ("here", "recorded", "reported")
"""Where the times of a curve come from: the last word of its name, after a comma; the first where there is none."""
_FEWEST: Final = 3  # points of a fit of two numbers, so that an error can be seen
_NOISE: Final = math.log(1.05)  # times that differ by less are about equal
_ROUGH: Final = 0.25  # relative error up to which a fit is said to hold
_SHORT: Final = 0.01  # milliseconds; where a curve goes below, all are shown in microseconds


class Fit(NamedTuple):
    """A step of b images taken as `step` + b × `image` milliseconds, and how far off that is.

    Attributes:
        step: time that a step costs however many images it has.
        image: time of each image besides.
        error: largest relative error; above 0 where the fit is slower than what was measured.
        batch: where that is.
        last: largest batch size of the fit: larger ones take another time per image, for example because their maps no
            longer fit in the cache. 0 where nothing fits.
    """

    step: float
    image: float
    error: float
    batch: int
    last: int


def time_at(curve: Curve, batch: float) -> float:
    """Milliseconds per image at a batch size between two that were measured, interpolated on logarithmic scales.

    NaN outside what was measured.
    """
    if batch in curve:
        return curve[int(batch)]
    for low, high in itertools.pairwise(sorted(curve)):
        if low < batch < high:
            share = math.log(batch / low) / math.log(high / low)
            return math.exp((1 - share) * math.log(curve[low]) + share * math.log(curve[high]))
    return math.nan


def crossovers(first: Curve, second: Curve) -> list[float]:
    """The batch sizes at which the faster of two changes; differences of up to 5 % do not count."""
    gaps = [
        (size, math.log(a / b))
        for size in sorted(set(first) | set(second))
        if not math.isnan(a := time_at(first, size)) and not math.isnan(b := time_at(second, size))
    ]
    found: list[float] = []
    clear, place = 0.0, math.nan
    for k, (size, gap) in enumerate(gaps):
        low, before = gaps[max(k - 1, 0)]
        if before * gap <= 0 and before != gap:
            place = math.exp(math.log(low) + before / (before - gap) * math.log(size / low))
        if abs(gap) > _NOISE:
            found += [place] if clear * gap < 0 else []
            clear = gap
    return found


def fit(curve: Curve) -> Fit | None:
    """The two numbers that fit a curve best, neither below 0; `None` for fewer than three batch sizes.

    Least squares of the relative errors: the times of small and large batches count alike. Where that misses a time by
    more than a quarter, the largest batch sizes are left out until it fits.
    """
    if len(curve) < _FEWEST:
        return None
    sizes = sorted(curve)
    fits = [_fit_all({size: curve[size] for size in sizes[:count]}) for count in range(len(sizes), _FEWEST - 1, -1)]
    return next((one for one in fits if abs(one.error) <= _ROUGH), fits[0]._replace(last=0))


def _fit_all(curve: Curve) -> Fit:
    sizes = np.array(sorted(curve), dtype=np.float64)
    times = np.array([curve[int(size)] for size in sizes])
    columns = np.stack([1 / (sizes * times), 1 / times], axis=1)
    step, image = np.linalg.lstsq(columns, np.ones(len(sizes)))[0]
    least = 1e-9 * times.max()  # below is rounding
    if min(step, image) < least:
        kept = 1 if step < least else 0
        best = columns[:, kept].sum() / (columns[:, kept] ** 2).sum()
        step, image = (0.0, best) if kept else (best, 0.0)
    errors = (step / sizes + image) / times - 1
    worst = int(np.abs(errors).argmax())
    return Fit(float(step), float(image), float(errors[worst]), int(sizes[worst]), int(sizes[-1]))


class TimingExplorer(CourseWidget, module="timing_explorer"):
    """Curves of time per image against batch size.

    Attributes:
        unit: of the times in `curves`: "ms" or "µs".
        curves: all of them, with their fits, and where they are known the least times that arithmetic and memory take.
        crossings: pairs of places in `curves`, and the batch sizes at which they cross.
        compared: the names of one or two curves.
        batch: batch size at which they are read.
        fit: whether the fits of the compared curves are shown, with their two parts.
    """

    unit = cast(str, traitlets.Unicode("ms").tag(sync=True))
    curves = cast("list[dict[str, Any]]", traitlets.List().tag(sync=True))
    crossings = cast("list[tuple[int, int, list[float]]]", traitlets.List().tag(sync=True))
    compared = cast("list[str]", traitlets.List().tag(sync=True))
    batch = cast(int, traitlets.Int(1).tag(sync=True))
    fit = cast(bool, traitlets.Bool(False).tag(sync=True))

    def __init__(self, curves: Mapping[str, Curve], bounds: Mapping[str, list[tuple[int, float, float]]]) -> None:
        self._unit = "µs" if min(time for curve in curves.values() for time in curve.values()) < _SHORT else "ms"
        scale = 1000 if self._unit == "µs" else 1
        self._times = {
            name: {size: float(f"{time * scale:.9g}") for size, time in sorted(curve.items())}
            for name, curve in curves.items()
        }
        names = list(curves)
        super().__init__(
            unit=self._unit,
            curves=[
                _described(name, curve, [(size, a * scale, b * scale) for size, a, b in bounds.get(name, [])])
                for name, curve in self._times.items()
            ],
            crossings=[
                (i, j, crossovers(curves[names[i]], curves[names[j]]))
                for i, j in itertools.combinations(range(len(names)), 2)
            ],
            compared=names[:2],
            batch=min(max(64, min(self._sizes())), max(self._sizes())),
        )

    def _sizes(self) -> list[int]:
        return [size for curve in self._times.values() for size in curve]

    @traitlets.validate("compared")
    def _known(self, proposal: dict[str, list[str]]) -> list[str]:
        names = proposal["value"]
        if unknown := [name for name in names if name not in self._times]:
            raise traitlets.TraitError(f"there is no curve {unknown[0]!r}; there are {', '.join(self._times)}")
        if len(set(names)) != len(names) or not 1 <= len(names) <= 2:
            raise traitlets.TraitError(f"compared needs one or two different curves, got {names}")
        return names

    @traitlets.validate("batch")
    def _measured(self, proposal: dict[str, int]) -> int:
        low, high = min(self._sizes()), max(self._sizes())
        if not low <= proposal["value"] <= high:
            raise traitlets.TraitError(f"batch is {proposal['value']}; the curves reach from {low} to {high}")
        return proposal["value"]

    def words(self) -> str:
        """The times of the compared curves at the batch size, which is faster, and where they cross."""
        times = {name: time_at(self._times[name], self.batch) for name in self.compared}
        said = [
            f"{_named(name)}: {float(f'{time:.3g}'):,g} {self._unit}"
            if time == time
            else f"{_named(name)}: not measured"
            for name, time in times.items()
        ]
        words = f"Time per image in batches of {self.batch}. {'; '.join(said)}."
        if len(times) < 2:
            return words
        (quick, fast), (_, slow) = sorted(times.items(), key=lambda pair: pair[1])
        crossing = _crossing(*(self._times[name] for name in self.compared))
        if slow / fast >= math.exp(_NOISE) and "times" not in crossing:  # else by scatter
            words += f" {_named(quick)} is {slow / fast:.2g} times as fast."
        return f"{words} They {crossing}."


def _named(name: str) -> str:
    """A curve's name within a sentence: "MLP (here)" instead of "MLP, here"."""
    begin, _, last = name.rpartition(", ")
    return f"{begin} ({last})" if begin and last in SOURCES else name


def _crossing(first: Curve, second: Curve) -> str:
    places = crossovers(first, second)
    if len(places) != 1:
        return f"cross {len(places)} times" if places else "do not cross"
    low, high = math.floor(places[0]), math.ceil(places[0])
    for size in (round(places[0]), low, high):
        if abs(math.log(time_at(first, size) / time_at(second, size))) <= _NOISE:
            return f"cross near a batch of {size}"
    return f"cross between batches of {low} and {high}"


def _described(name: str, curve: Curve, bounds: list[tuple[int, float, float]]) -> dict[str, Any]:
    last = name.rpartition(", ")[2]
    fitted = fit(curve)
    return {
        "name": name,
        "source": last if last in SOURCES else SOURCES[0],
        "points": [[size, time] for size, time in curve.items()],
        "fit": None if fitted is None else fitted._asdict(),
        "bounds": bounds,
    }


def timing_explorer(
    curves: Mapping[str, Curve],
    work: Mapping[str, Work] | None = None,
    peaks: tuple[float, float] | None = None,
) -> TimingExplorer:
    """Compare two of several curves at a batch size of your choice, and see what part of a time is overhead.

    Args:
        curves: name (network, device, precision) to `{batch size: milliseconds per image}`. A name that ends in
            ", recorded" or ", reported" says that the times come from another machine or from other people.
        work: name of a curve to a function from a batch size to the FLOP and the bytes of a step. With `peaks` it
            gives the least times that arithmetic and memory traffic take.
        peaks: the most FLOP and bytes per second that were measured on the machine.

    Returns:
        A widget.

    Raises:
        ValueError: if there is no curve, or one without positive numbers, or work without peaks.
    """
    if not curves:
        raise ValueError("timing_explorer: there are no curves")
    for name, curve in curves.items():
        if not curve or min(*curve, *curve.values(), 1.0) <= 0:
            raise ValueError(f"timing_explorer: curve {name!r} needs batch sizes and times above 0, got {dict(curve)}")
    if work and (peaks is None or min(peaks) <= 0):
        raise ValueError("timing_explorer: work needs peaks, the most FLOP and bytes per second, both above 0")
    bounds: dict[str, list[tuple[int, float, float]]] = {}
    for name, of in (work or {}).items():
        if name not in curves:
            raise ValueError(f"timing_explorer: work has no curve {name!r}; there are {', '.join(curves)}")
        for size in sorted(curves[name]):
            arithmetic, memory = (1000 * part / most / size for part, most in zip(of(size), peaks or (), strict=True))
            bounds.setdefault(name, []).append((size, arithmetic, memory))
    return TimingExplorer(curves, bounds)
