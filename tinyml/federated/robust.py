"""Aggregation that broken updates do not sink: TFF's zeroing and clipping."""

from __future__ import annotations

from typing import Any

from tinyml.models.runtime import tensorflow


def aggregator() -> Any:
    """A weighted aggregation factory: `tff.learning.robust_aggregator`, in front of it a filter.

    TFF zeroes updates whose largest value is far above what it has seen and clips the norms of the
    others to that of the 80 % quantile (arXiv 1905.03871, without noise); both norms adapt. NaN passes
    its comparisons, so updates that are not finite are taken out first: zeros that weigh nothing.
    """
    import tensorflow_federated as tff

    tf = tensorflow()
    inner_factory = tff.learning.robust_aggregator(zeroing=True, clipping=True)

    class Filtered(tff.aggregators.WeightedAggregationFactory):
        def create(self, value_type: Any, weight_type: Any) -> Any:
            inner = inner_factory.create(value_type, weight_type)

            @tff.tensorflow.computation(value_type, weight_type)
            def keep_finite(value: Any, weight: Any) -> Any:
                parts = tf.nest.flatten(value)
                finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(p)) for p in parts])
                kept = [tf.where(finite, part, tf.zeros_like(part)) for part in parts]
                weight = tf.where(finite, weight, tf.zeros_like(weight))
                return tf.nest.pack_sequence_as(value, kept), weight

            @tff.federated_computation(
                inner.initialize.type_signature.result,
                tff.FederatedType(value_type, tff.CLIENTS),
                tff.FederatedType(weight_type, tff.CLIENTS),
            )
            def next_round(state: Any, value: Any, weight: Any) -> Any:
                return inner.next(state, *tff.federated_map(keep_finite, (value, weight)))

            return tff.templates.AggregationProcess(inner.initialize, next_round)

    return Filtered()
