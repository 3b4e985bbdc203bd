"""Differential privacy: the noise keeps to what was promised, and is really added."""

from __future__ import annotations

import json

import dp_accounting
import numpy as np
import pytest
from click.testing import CliRunner
from dp_accounting import rdp

from tinyml import run
from tinyml.cli.federate import command
from tinyml.errors import InputError
from tinyml.federated import privacy, worker


@pytest.mark.parametrize("per_round", [100, 10])
def test_the_least_noise_that_keeps_to_epsilon(per_round):
    found = privacy.plan(4.0, 1e-5, 100, per_round, 20)
    assert 3.99 < found.epsilon <= 4.0
    more = privacy.spent_epsilon(found.noise_multiplier * 0.99, 1e-5, 100, per_round, 20)
    assert more > 4.0
    assert found.described()["unit"] == "client, replaced"


def test_sampling_and_fewer_rounds_need_less_noise():
    def noise(per_round, rounds):
        return privacy.plan(4.0, 1e-5, 100, per_round, rounds).noise_multiplier

    assert noise(10, 20) < noise(100, 20)
    assert noise(100, 5) < noise(100, 20)


def test_full_participation_is_the_gaussian_mechanism():
    """Replacing a client moves the sum by twice the clipping norm; noise z then acts as z / 2."""
    accountant = rdp.RdpAccountant()
    accountant.compose(dp_accounting.GaussianDpEvent(3.0 / 2), 20)
    expected = accountant.get_epsilon(1e-5)
    assert privacy.spent_epsilon(3.0, 1e-5, 10, 10, 20) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("epsilon", "delta", "message"),
    [
        (1e-4, 1e-5, r"--dp-epsilon: 0\.0001 is out of reach in 20 rounds: 0\.\d+ is the least"),
        (1e9, 1e-5, "so large that it protects nobody"),
        (1.0, 0.2, "allows to give one away whole"),
    ],
)
def test_refuses_what_cannot_be_promised(epsilon, delta, message):
    with pytest.raises(InputError, match=message):
        privacy.plan(epsilon, delta, 10, 10, 20)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.5, 20.0])
def test_tff_adds_as_much_noise_as_was_planned(noise):
    """The mean of zero updates is the noise alone: z clip / clients, split off a part for the clip."""
    import tensorflow_federated as tff

    clients, size = 10, 20000
    planned = privacy.Privacy(1.0, 1e-5, noise, clients, clients, 1)
    with worker.running() as child, worker.context(child):
        process = planned.aggregator().create(
            tff.TensorType(np.float32, [size]), tff.TensorType(np.float32)
        )
        zeros = [np.zeros(size, np.float32)] * clients
        first = process.initialize()
        mean = process.next(first, zeros, [1.0] * clients).result
        again = process.next(first, zeros, [1.0] * clients).result
    assert not np.array_equal(mean, again)  # the noise of a round is never that of another
    count_noise = max(0.05 * clients, noise)
    alone = (noise**-2 - (2 * count_noise) ** -2) ** -0.5
    assert np.std(mean) == pytest.approx(alone * 0.1 / clients, rel=0.03)  # clips to 0.1 at first


@pytest.mark.slow
def test_the_spent_epsilon_is_in_the_record(start, tmp_path):
    options = ("--data", "digits", "--clients", 20, "--rounds", 2, "--batch", 32, "--json")
    private = ("--dp-epsilon", 8, "--dp-delta", 1e-3, "--sample-clients", 0.5)
    arguments = ("--model", start, *options, *private, "-o", tmp_path / "RUN")
    done = CliRunner().invoke(command, [str(a) for a in arguments])
    assert done.exit_code == 0, done.exception
    spent = run.read_record(tmp_path / "RUN")["metrics"]["privacy"]
    assert json.loads(done.stdout)["privacy"] == spent
    assert 7.9 < spent["epsilon"] <= 8
    assert (spent["clients"], spent["clients_per_round"], spent["rounds"]) == (20, 10, 2)
    assert spent["epsilon"] == pytest.approx(
        privacy.spent_epsilon(spent["noise_multiplier"], 1e-3, 20, 10, 2)
    )
