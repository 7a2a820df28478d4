# SPDX-License-Identifier: Apache-2.0
"""What the rows of a locomotion model hold besides the paper's 487 variables: contacts of the feet, and a style.

A model says so in its `features`; one that says nothing holds the 487 alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drmm_engine.body.rotations import Array
from drmm_engine.motion.features import NEXT, encode, locomotion_schema, variable_names
from drmm_engine.schema import Schema, Stream, Variable

CONTACTS = tuple(f"contact{k}.{side}" for k in range(NEXT) for side in ("Left", "Right"))
STYLE = "style"
CONTACT_WEIGHT = 0.3  # model units between a foot that stands and one that does not
DOWN = 0.5  # of a contact from which a foot stands


@dataclass(frozen=True)
class Layout:
    """Whether rows hold the contacts of the next poses, and the classes of their style (none: no style)."""

    contacts: bool = False
    styles: tuple[str, ...] = ()

    @classmethod
    def of(cls, features: Mapping) -> Layout:
        """That of a model with these `features`; models of old say nothing and hold no more than the 487."""
        return cls(bool(features.get("contacts", False)), tuple(features.get("styles", ())))

    def said(self) -> dict:
        """What a model with this layout says of it in its `features`."""
        return ({"contacts": True} if self.contacts else {}) | ({"styles": list(self.styles)} if self.styles else {})

    @property
    def names(self) -> list[str]:
        """All variables in the order of the columns: the 487, "contact0.Left" to "contact4.Right", "style"."""
        return variable_names() + list(CONTACTS) * self.contacts + [STYLE] * bool(self.styles)


PLAIN = Layout()


@dataclass(frozen=True)
class Part:
    """Windows `[n, 40, 20, 3]` of a clip, whether left and right foot stand in their five next poses `[n, 5, 2]`, and
    the style of the clip ("": not known)."""

    windows: Array
    contacts: NDArray[np.bool_]
    style: str = ""


def layout_for(styles: Sequence[str], contacts: bool = True) -> Layout:
    """The layout for clips with these styles, one a clip, "" where it is not known."""
    return Layout(contacts, tuple(sorted({style for style in styles if style})))


def rows(part: Part, layout: Layout) -> Array:
    """Rows `[n, variables]` of windows, in data units: metres, contacts 0 or 1, the number of the style (nan: none)."""
    n = len(part.windows)
    columns = [encode(part.windows)]
    if layout.contacts:
        columns.append(part.contacts.reshape(n, -1).astype(float))
    if layout.styles:
        code = layout.styles.index(part.style) if part.style in layout.styles else np.nan
        columns.append(np.full((n, 1), code))
    return np.concatenate(columns, axis=1)


def schema_of(values: Array, layout: Layout) -> Schema:
    """The schema of rows `[n, variables]`, centred on them: a real stream "motion", and "style" where there are any."""
    plain = len(variable_names())
    motion = locomotion_schema(values[:, :plain]).streams[0].variables
    if layout.contacts:
        share = np.mean(values[:, plain : plain + len(CONTACTS)], axis=0, dtype=np.float64)
        motion += tuple(Variable(name, "", float(mean), 1.0 / CONTACT_WEIGHT)
                        for name, mean in zip(CONTACTS, share, strict=True))
    real = Stream("motion", motion)
    return Schema((real, Stream.categorical(STYLE, layout.styles)) if layout.styles else (real,))


def decode_contacts(values: Array, layout: Layout) -> NDArray[np.bool_] | None:
    """Whether left and right foot stand, `[n, 5, 2]`, in the next poses of rows `[n, variables]`; None: not held."""
    if not layout.contacts:
        return None
    first = len(variable_names())
    return values[:, first : first + len(CONTACTS)].reshape(len(values), NEXT, 2) > DOWN
