"""The plot of the report: median times of all contenders, a panel for each workload."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from measure.result import Result

matplotlib.use("svg")
# The same results make the same file.
matplotlib.rcParams["svg.hashsalt"] = "times"
from matplotlib import pyplot

OURS, THEIRS = "#1b6ca8", "#b8b8b8"


def plot(results: Sequence[Result], path: Path) -> None:
    """Draws bars of seconds, ours in another colour."""
    workloads = [(name, times) for result in results for name, times in result.plotted.items()]
    if not workloads:
        return
    heights = [len(times) + 1 for _, times in workloads]
    figure, panels = pyplot.subplots(
        len(workloads), 1, figsize=(8, 0.32 * sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for panel, (name, times) in zip(panels[:, 0], workloads, strict=True):
        colours = [OURS if contender.startswith("Skewless") else THEIRS for contender in times]
        bars = panel.barh(list(times), list(times.values()), color=colours)
        panel.bar_label(bars, fmt="%.3g s", padding=3, fontsize=8)
        panel.set_title(name, loc="left", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.margins(x=0.15)
        panel.invert_yaxis()
    figure.savefig(path, metadata={"Date": None})
