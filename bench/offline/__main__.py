"""The program behind run.sh."""

import sys

from measure.command import Benchmark, run
from offline.parts import PARTS

sys.exit(run(Benchmark("offline", "training sets", PARTS)))
