"""Run a program and write down what it took: `python weighed.py FILE PROGRAM …`.

It stands between, and is small, because a process is born with the memory of the one that starts it: of a test runner
with two hundred megabytes no child has ever less.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

began = time.perf_counter()
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
weight = {
    "seconds": time.perf_counter() - began,
    "work_s": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss / 1e3,
}
Path(sys.argv[1]).write_text(json.dumps(weight), encoding="ascii")
sys.exit(code)
