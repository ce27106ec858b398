"""Samples of several contenders, taken in turn, so that a machine that gets slower does so for all of them."""

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measure.process import Measurement


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work once whenever `run` is called."""

    name: str
    run: Callable[[], Measurement]


@dataclass(frozen=True)
class Samples:
    """All samples of one contender, in the order in which they were taken."""

    name: str
    measurements: tuple[Measurement, ...]

    @property
    def median(self) -> float:
        """The median of the times, in seconds."""
        return statistics.median(sample.seconds for sample in self.measurements)

    @property
    def fastest(self) -> float:
        """The least of the times, in seconds."""
        return min(sample.seconds for sample in self.measurements)

    @property
    def peak_bytes(self) -> int | None:
        """The greatest peak memory of all samples, in bytes; None where nobody measured it."""
        peaks = [sample.peak_bytes for sample in self.measurements if sample.peak_bytes is not None]
        return max(peaks, default=None)


def take_turns(contenders: Sequence[Contender], samples: int, warm_up: bool = True) -> list[Samples]:
    """The samples of each contender, the first round left out where `warm_up`: it fills caches and starts threads.

    The order of each round is drawn (from its number, so that it is the same in every run): else each contender would always come
    after the same other one, and pay for what that leaves behind. There is no pause: on a
    machine that was idle for a second or two, whoever starts anew waits longer for fresh memory.
    """
    taken: dict[str, list[Measurement]] = {contender.name: [] for contender in contenders}
    for turn in range(samples + warm_up):
        for contender in random.Random(turn).sample(contenders, len(contenders)):
            measurement = contender.run()
            told = "warming up" if warm_up and turn == 0 else f"{turn + 1 - warm_up} of {samples}"
            print(f"  {contender.name}: {measurement.seconds:.3f} s ({told})", file=sys.stderr, flush=True)
            if turn >= warm_up:
                taken[contender.name].append(measurement)
    return [Samples(name, tuple(measurements)) for name, measurements in taken.items()]
