"""Tables in Markdown, and how numbers are written in them."""

from collections.abc import Sequence

from measure.samples import Samples


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown; the first column is text, the others are set to the right."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def seconds(value: float) -> str:
    """Seconds, with as many digits as mean something."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def megabytes(value: int | None) -> str:
    """Bytes as MB, or a dash."""
    return "–" if value is None else f"{value / 1e6:,.0f}"


def times(value: float) -> str:
    """How many times as much."""
    return f"{value:.2f}×" if value < 10 else f"{value:,.0f}×"


def rounded(rows: int) -> str:
    """A number of rows, short where it is round."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if rows >= size and rows % size == 0:
            return f"{rows // size}{letter}"
    return f"{rows:,}"


def of_samples(samples: Sequence[Samples], ours: str) -> str:
    """Times and memory of contenders, and how many times as long as `ours` each takes."""
    base = next(of for of in samples if of.name == ours)
    headings = ["", "median, s", "fastest, s", "times ours (medians)", "peak memory, MB"]
    rows = [
        [of.name, seconds(of.median), seconds(of.fastest), times(of.median / base.median), megabytes(of.peak_bytes)]
        for of in samples
    ]
    return table(headings, rows)
