# SPDX-License-Identifier: Apache-2.0
"""Training without a screen: one command a recipe."""
