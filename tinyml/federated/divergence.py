"""How far federated weights are from those of centralised SGD: section 3.1 of arXiv 1806.00582."""

from __future__ import annotations

from typing import Any

import numpy as np


def by_layer(model: Any, central: Any) -> dict[str, float]:
    """||w_model - w_central|| / ||w_central|| of each layer that trains, in the model's order.

    Args:
        model: a Keras model.
        central: a model of the same structure.

    Returns:
        Layer name to the ratio of Euclidean norms over all its trainable weights, biases included.
    """
    return {
        layer.name: _ratio(layer.trainable_weights, twin.trainable_weights)
        for layer, twin in zip(model.layers, central.layers)
        if layer.trainable_weights
    }


def _ratio(weights: Any, others: Any) -> float:
    ours, theirs = (
        np.concatenate([np.asarray(w, np.float64).ravel() for w in some])
        for some in (weights, others)
    )
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
