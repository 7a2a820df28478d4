# SPDX-License-Identifier: Apache-2.0
"""What every test run shares: one thread, hypothesis without a clock, and a clean end after Blender."""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy and torch load: threads of small products only wait

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("drmm", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("drmm")

_status = 0


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    global _status
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    # Blender as a module can hang or crash while Python exits; by now the summary is printed.
    if "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)
