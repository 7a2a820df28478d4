# SPDX-License-Identifier: Apache-2.0
"""How good motion is, in figures."""
