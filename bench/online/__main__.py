"""The program behind run.sh."""

import signal
import sys

from measure.command import Benchmark, run
from online.parts import PARTS

# So that the Redis that was started ends, too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
sys.exit(run(Benchmark("online", "online stores", PARTS)))
