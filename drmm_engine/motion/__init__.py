# SPDX-License-Identifier: Apache-2.0
"""Motion: clips and BVH files, the canonical skeleton, and what is learned from them."""

from drmm_engine.motion.bvh import read_bvh, write_bvh
from drmm_engine.motion.clip import Clip, resample

__all__ = ["Clip", "read_bvh", "resample", "write_bvh"]
