# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions on a pose that are objects of the scene."""
