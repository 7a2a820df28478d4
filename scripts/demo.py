# SPDX-License-Identifier: Apache-2.0
"""A character walks to three targets and takes a sampled pose, in Blender: `python3.11 scripts/demo.py`.

Writes out/demo.blend and out/demo.png, a contact sheet, and prints what was measured on the animated armature.
"""

import argparse
import os
import sys
import traceback

import bootstrap


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="another number gives another walk and other poses (0)")
    seed = parser.parse_args().seed
    bootstrap.enter("blender")
    from scripts.showcase import story

    for line in story.tell(bootstrap.ROOT / "out", seed):
        print(line, flush=True)


if __name__ == "__main__":
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except RuntimeError as refusal:  # what an operator reports
        print(f"demo.py: {refusal}".strip(), file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender as a module can hang while Python exits
