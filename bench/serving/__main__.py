"""The program behind run.sh."""

import signal
import sys

from measure.command import Benchmark, run
from serving.parts import PARTS

# So that the servers that were started end, too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
sys.exit(run(Benchmark("serving", "the feature server", PARTS)))
