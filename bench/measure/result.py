"""What a part of the benchmark found out, as data and as Markdown."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from measure.samples import Samples


@dataclass(frozen=True)
class Check:
    """One thing that is asked of us, and what was measured."""

    what: str
    asked: str
    measured: str
    holds: bool
    is_equality: bool = False
    """Whether it is about values, so that a run in which it does not hold has failed."""


@dataclass
class Result:
    """The outcome of one part."""

    part: str
    title: str
    checks: list[Check] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    """Texts and tables of Markdown, in the order in which they are read."""
    plotted: dict[str, dict[str, float]] = field(default_factory=dict)
    """For each workload the median seconds of each contender."""
    conditions: list[str] = field(default_factory=list)
    """When, where, with what: see `measure.machine`."""

    def at_most(self, what: str, limit: float, measured: float, unit: str = "×") -> None:
        """Adds a check that a number is not over its limit."""
        self.checks.append(Check(what, f"≤ {limit:g}{unit}", f"{measured:,.2f}{unit}", measured <= limit))

    def at_least(self, what: str, limit: float, measured: float, unit: str = "×") -> None:
        """Adds a check that a number reaches its limit."""
        self.checks.append(Check(what, f"≥ {limit:g}{unit}", f"{measured:,.2f}{unit}", measured >= limit))

    def equal(self, what: str, asked: str, measured: str, differences: int) -> None:
        """Adds a check that nothing differed."""
        self.checks.append(Check(what, asked, measured, differences == 0, is_equality=True))

    def plot(self, workload: str, samples: list[Samples]) -> None:
        """Keeps medians for the plot."""
        self.plotted[workload] = {of.name: of.median for of in samples}

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The result of plain data."""
        return cls(**{**data, "checks": [Check(**check) for check in data["checks"]]})
