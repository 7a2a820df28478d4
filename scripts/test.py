# SPDX-License-Identifier: Apache-2.0
"""Pass the tests: `python3.11 scripts/test.py [pytest's own arguments]`."""

import subprocess
import sys

import bootstrap

if __name__ == "__main__":
    bootstrap.enter("blender", "train", "figures", "dev")
    raise SystemExit(subprocess.call([sys.executable, "-m", "pytest", *sys.argv[1:]], cwd=bootstrap.ROOT))
