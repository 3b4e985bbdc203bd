"""Differential privacy of clients: TFF's Gaussian mechanism with adaptive clipping, dp-accounting.

What is protected is a client, all its samples together: two populations are neighbours when one
client's data is replaced by other data. The guarantee is for whoever sees the models, of every round;
not against the server, which sees each update before the noise (arXiv 1710.06963, 1905.03871).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from tinyml.errors import InputError

_LEAST_NOISE, _MOST_NOISE = 0.05, 1e4  # multipliers between which one is looked for


@dataclass(frozen=True)
class Privacy:
    """What is promised, and by how much noise.

    Attributes:
        epsilon: spent after all rounds.
        delta: spent after all rounds.
        noise_multiplier: standard deviation of the noise on the sum of updates over the norm that
            an update is clipped to.
        clients: of the run.
        clients_per_round: drawn without replacement in each.
        rounds: of the run.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    clients: int
    clients_per_round: int
    rounds: int

    def described(self) -> dict[str, Any]:
        """For `run.json`."""
        return {"unit": "client, replaced", "mechanism": "gaussian, adaptive clip", **asdict(self)}

    def aggregator(self) -> Any:
        """A TFF weighted aggregation factory, which ignores the weights: a client weighs one.

        The noise multiplier is that of updates and the count of clipped ones together. The count's
        noise is TFF's default, and more where a few clients need much noise. No zeroing: TFF adapts
        its norm without noise. The noise does not hang on the run's seed: who knows it could take it off.
        """
        import tensorflow_federated as tff

        private = tff.aggregators.DifferentiallyPrivateFactory.gaussian_adaptive(
            self.noise_multiplier,
            float(self.clients_per_round),
            clipped_count_stddev=max(0.05 * self.clients_per_round, self.noise_multiplier),
        )
        weighted = tff.aggregators.as_weighted_aggregator(private)

        class Unseeded(tff.aggregators.WeightedAggregationFactory):
            def create(self, value_type: Any, weight_type: Any) -> Any:
                with _random_without_seed():
                    return weighted.create(value_type, weight_type)

        return Unseeded()


@contextmanager
def _random_without_seed() -> Iterator[None]:
    """TensorFlow refuses random ops without a seed while it is deterministic; here they are wanted."""
    from tensorflow.python.framework import config

    was = config.is_op_determinism_enabled()
    config.disable_op_determinism()
    try:
        yield
    finally:
        if was:
            config.enable_op_determinism()


def plan(
    epsilon: float, delta: float, clients: int, clients_per_round: int, rounds: int
) -> Privacy:
    """The least noise that keeps to epsilon and delta.

    Raises:
        InputError: epsilon or delta is out of reach, or would protect nobody.
    """
    if delta >= 1 / clients:
        raise InputError(
            "--dp-delta",
            f"{delta:g} of {clients} clients allows to give one away whole",
            f"give less than {1 / clients:g}, better far less",
        )

    def spent(noise: float) -> float:
        return spent_epsilon(noise, delta, clients, clients_per_round, rounds)

    least = spent(_MOST_NOISE)
    if epsilon < least:
        raise InputError(
            "--dp-epsilon",
            f"{epsilon:g} is out of reach in {rounds} rounds: {least:.3g} is the least",
            "give more, raise --dp-delta, or lower --rounds",
        )
    if epsilon > spent(_LEAST_NOISE):
        raise InputError(
            "--dp-epsilon",
            f"{epsilon:g} is so large that it protects nobody",
            "give less; 10 is generous",
        )
    low, high = _LEAST_NOISE, _MOST_NOISE
    while high / low > 1.0001:  # geometrically: the right one may be anywhere in five decades
        middle = (low * high) ** 0.5
        low, high = (middle, high) if spent(middle) > epsilon else (low, middle)
    return Privacy(spent(high), delta, high, clients, clients_per_round, rounds)


def spent_epsilon(
    noise: float, delta: float, clients: int, clients_per_round: int, rounds: int
) -> float:
    """Epsilon after all rounds, by Renyi differential privacy (dp-accounting).

    Clients are drawn without replacement (arXiv 1808.00087, theorem 27). Replacing a client moves the
    sum of clipped updates by up to twice the clipping norm, hence half of the noise multiplier.
    """
    import dp_accounting
    from dp_accounting import rdp

    accountant = rdp.RdpAccountant(
        neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE
    )
    one = dp_accounting.SampledWithoutReplacementDpEvent(
        clients, clients_per_round, dp_accounting.GaussianDpEvent(noise / 2)
    )
    accountant.compose(dp_accounting.SelfComposedDpEvent(one, rounds))
    return float(accountant.get_epsilon(delta))
