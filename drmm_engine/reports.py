# SPDX-License-Identifier: Apache-2.0
"""What the commands write and print: samples, scores of a table, a model's card."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .files import write_whole
from .layer import Layer
from .model import Model
from .posterior import Draw
from .schema import Schema
from .storage import FORMAT

CAUSES = 3  # variables named for an unlikely row
SHOWN = 6  # variables of a stream listed on a card
RANGE_DRAWS = 1000  # samples from which a card tells a variable's range


def writer(path: str) -> Callable[[Draw, Schema], None]:
    """The function that writes a draw to a .npz or .csv file; ValueError on any other name."""
    writers: dict[str, Callable[[Draw, Schema], bytes | str]] = {".npz": _npz, ".csv": _csv}
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise ValueError(f"--out must end in {' or '.join(writers)}, got {path!r}")
    return lambda draw, schema: write_whole(path, writers[suffix](draw, schema))


def _npz(draw: Draw, schema: Schema) -> bytes:
    content = io.BytesIO()
    np.savez(content, values=draw.values, names=np.array(draw.names), log_weight=draw.log_weight,
             log_joint=draw.log_joint, components=draw.components)
    return content.getvalue()


def _csv(draw: Draw, schema: Schema) -> str:
    labels = {int(c): s.classes for c, s in zip(schema.categorical_columns, schema.categorical_streams, strict=True)}
    content = io.StringIO()
    table = csv.writer(content, lineterminator="\n")
    table.writerow([*draw.names, "log_weight"])
    for row, log_weight in zip(draw.values.tolist(), draw.log_weight.tolist(), strict=True):
        table.writerow([*(labels[i][int(v)] if i in labels else v for i, v in enumerate(row)), log_weight])
    return content.getvalue()


def score(
    schema: Schema, x: np.ndarray, each: np.ndarray, explain: Callable[[np.ndarray], np.ndarray], worst: int
) -> dict:
    """Log-likelihoods `each` of rows x [rows, variables], nats, and what makes the `worst` of them unlikely.

    explain: of rows log p(variable | the rest), [rows, variables], in model units, so that metres and radians compare.
    """
    if worst < 0:
        raise ValueError(f"--worst must not be negative, got {worst}")
    rows = np.argsort(each)[:worst]
    parts = explain(x[rows]) if len(rows) else np.zeros((0, x.shape[1]))
    return {
        "rows": len(x), "missing": int(np.isnan(x).sum()), "mean": float(each.mean()),
        "median": float(np.median(each)), "standard_error": float(each.std() / np.sqrt(len(x))),
        "least_likely": [{"row": int(r) + 1, "log_prob": float(each[r]), "because": _causes(schema, x[r], part)}
                         for r, part in zip(rows, parts, strict=True)],
    }


def _causes(schema: Schema, row: np.ndarray, part: np.ndarray) -> list[dict]:
    order = [v for v in np.argsort(part)[:CAUSES] if not np.isnan(part[v])]
    return [{"variable": schema.names[v], "value": float(row[v]), "log_prob_given_the_rest": float(part[v])}
            for v in order]


def score_text(results: dict) -> str:
    """The same for people."""
    lines = [f"{results['rows']} rows, {results['missing']} missing values",
             f"log-likelihood: mean {results['mean']:.4f} nats (standard error {results['standard_error']:.4f}), "
             f"median {results['median']:.4f}"]
    for entry in results["least_likely"]:
        causes = ", ".join(f"{c['variable']} = {c['value']:.4g} ({c['log_prob_given_the_rest']:.2f})"
                           for c in entry["because"])
        lines.append(f"  row {entry['row']}: {entry['log_prob']:.3f} nats; least expected given the rest: {causes}")
    return "\n".join(lines)


def card(model: Model, path: Path) -> dict:
    """All there is to know of a model file; a variable's range holds 98 of 100 unconditioned samples."""
    values = model.sample(count=RANGE_DRAWS, noise=True).values
    low, high = np.percentile(values, [1, 99], axis=0)
    ranges = dict(zip(model.schema.names, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    streams = [
        {"name": s.name, "kind": s.kind, "classes": list(s.classes),
         "variables": [{"name": v.name, "unit": v.unit} | ({"range": ranges[v.name]} if s.kind == "real" else {})
                       for v in s.variables]}
        for s in model.schema.streams]
    layers = [{"components": m.components, "covariance": m.covariance, "residual": m.residual} for m in model.layers]
    return {"file": str(path), "bytes": path.stat().st_size, "format": FORMAT, "parameters": parameters(model),
            "layers": layers, "streams": streams, "training": model.training, "data": model.data,
            "metrics": model.metrics, "skeleton": model.skeleton, "features": model.features}


def parameters(model: Model) -> int:
    """Numbers in the model: weights, means, sigmas or Cholesky factors (lower triangles), and tables."""
    total = 0
    for layer in model.layers:
        sigmas = _sigmas(layer, [len(stream.variables) for stream in model.schema.real_streams])
        tables = [*layer.log_prob, *([] if layer.latent_table is None else [layer.latent_table])]
        total += layer.log_weight.size + layer.mean.size + sigmas + sum(t.size for t in tables)
    return total


def _sigmas(layer: Layer, widths: list[int]) -> int:
    if layer.covariance == "full":
        return layer.components * sum(n * (n + 1) // 2 for n in widths)
    return len(widths) if layer.covariance == "isotropic" else layer.log_sigma.size


def card_text(card: dict, everything: bool = False) -> str:
    """The card for people."""
    lines = [f"{card['file']}: {len(card['layers'])} layers, {card['parameters']:,} parameters, "
             f"{card['bytes'] / 1e6:.1f} MB, format {card['format']}", "layers:"]
    lines += [f"  {i}: {m['components']} components, {m['covariance']} covariance, {m['residual']} residual"
              for i, m in enumerate(card["layers"])]
    for stream in card["streams"]:
        lines.append(f"stream {stream['name']} ({stream['kind']}, {len(stream['variables'])} variables)")
        if stream["kind"] == "categorical":
            lines.append(f"  classes: {', '.join(stream['classes'])}")
            continue
        shown = stream["variables"] if everything else stream["variables"][:SHOWN]
        lines += [f"  {v['name']}: {v['range'][0]:.4g} to {v['range'][1]:.4g} {v['unit']}".rstrip() for v in shown]
        if len(shown) < len(stream["variables"]):
            lines.append(f"  ... and {len(stream['variables']) - len(shown)} more (--all)")
    skeleton = card["skeleton"]
    if skeleton:
        lines.append(f"skeleton: {len(skeleton.get('joints', []))} joints, {skeleton.get('frame_rate')} frames/s")
    for name in ("features", "data", "training", "metrics"):
        lines += _section(name, card[name], everything)
    return "\n".join(lines)


def _section(name: str, content: dict | None, everything: bool) -> list[str]:
    """One line a key; long values cut short, where not everything is asked for."""
    if not content:
        return []
    texts = {key: str(value) for key, value in content.items()}
    return [f"{name}:", *(f"  {key}: {text if everything or len(text) <= 100 else f'{text[:97]}...'}"
                          for key, text in texts.items())]
