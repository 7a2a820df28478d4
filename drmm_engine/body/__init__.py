# SPDX-License-Identifier: Apache-2.0
"""The body: rotations, the skeleton tree and its forward kinematics."""
