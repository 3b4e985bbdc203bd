"""How metadata, dreams and students are made; the defaults are also the command line's.

Nothing heavy is imported here, so that `tinyml distill --help` is quick.
"""

from __future__ import annotations

import pkgutil
from dataclasses import asdict, dataclass
from pathlib import Path

INITS = ("random", "teacher-channels")


def method_names() -> list[str]:
    """The known ways to make dreams: the files in `synthesizers/`."""
    folder = str(Path(__file__).with_name("synthesizers"))
    return sorted(module.name for module in pkgutil.iter_modules([folder]))


@dataclass(frozen=True)
class Limits:
    """How much the metadata may say.

    Args:
        fraction: share of the samples of each class that is looked at, in (0, 1].
        clusters: the most clusters a class.
        smallest_cluster: the fewest members a cluster may have.
        components: the most principal components a cluster.
        members_per_component: the fewest members behind each component: with as many components as
            members, these can be told from strangers (docs/metadata.md). Not under a budget.
    """

    fraction: float = 0.1
    clusters: int = 10
    smallest_cluster: int = 10
    components: int = 8
    members_per_component: int = 10


@dataclass(frozen=True)
class Budget:
    """A guarantee of differential privacy: with or without one sample, the file is almost as likely.

    Args:
        epsilon: above 0; the smaller, the more noise.
        delta: in (0, 1), well below one over the number of samples.
        clip: activations longer than this (L2 norm) are shortened to it; chosen without the data.
    """

    epsilon: float
    delta: float
    clip: float


@dataclass(frozen=True)
class PixelSettings:
    """How dreams are optimised, and the weights of the priors that all methods share.

    Args:
        steps: gradient steps on a batch.
        learning_rate: of Adam on pixels in [0, 1]; falls to 0 along a cosine.
        jitter: largest shift, in pixels, of the whole batch at each step.
        flip: mirror the whole batch left to right at every second step: for photographs.
        natural: start from noise with the spectrum of photographs (see `starts`), which go on beyond
            their border as in a mirror; otherwise from uniform noise, and it is dark there.
        batch_norm: weight of the batch-norm prior.
        total_variation: weight of the smoothness prior.
        energy: weight of the L2 prior.
        adversarial: weight of the disagreement with the student, where one is given.
    """

    steps: int = 150
    learning_rate: float = 0.2
    jitter: int = 1
    flip: bool = False
    natural: bool = False
    batch_norm: float = 10.0
    total_variation: float = 0.01
    energy: float = 0.0
    adversarial: float = 1.1


@dataclass(frozen=True)
class FastSettings:
    """How the method `fast` makes dreams; jitter, flips and weights are those of `PixelSettings`.

    Args:
        steps: steps of the generator and its noise on a batch.
        pixel_steps: steps on the pixels of a batch after that.
        episodes: small batches that the generator's start is learnt on, before the first dream.
        width: channels of the generator's last hidden layer.
    """

    steps: int = 1
    pixel_steps: int = 8
    episodes: int = 120
    width: int = 16


@dataclass(frozen=True)
class Plan:
    """How many dreams of which methods.

    Args:
        methods: names of synthesizers; the dreams are shared out among them.
        count: dreams in all.
        batch_size: dreams optimised together (their statistics are matched together), and a shard.
    """

    methods: tuple[str, ...] = ("deepinversion",)
    count: int = 1000
    batch_size: int = 250

    def batches(self) -> list[tuple[str, int]]:
        """(method, size) of each batch in order; sizes of one method differ by at most one.

        Equal sizes because the batch-norm prior wants a batch large enough to have statistics, and
        because each new size is compiled anew.
        """
        planned: list[tuple[str, int]] = []
        for index, method in enumerate(self.methods):
            share = _share(self.count, len(self.methods), index)
            parts = -(-share // self.batch_size)
            planned += [(method, _share(share, parts, part)) for part in range(parts)]
        return planned


@dataclass(frozen=True)
class Dreaming:
    """All that `tinyml distill dream` is told besides the teacher.

    Args:
        plan: how many dreams of which methods.
        pixels: how they are optimised.
        fast: how the method `fast` makes them.
        metadata: file of the teacher's activations.
        against: model file of a student; dreams are drawn to where it and the teacher disagree.
        devices: TensorFlow's names of those that make batches; none leave the choice to it.
        probe: batch sizes whose speed is measured before the dreams are made.
    """

    plan: Plan = Plan()
    pixels: PixelSettings = PixelSettings()
    fast: FastSettings = FastSettings()
    metadata: Path | None = None
    against: Path | None = None
    devices: tuple[str, ...] = ()
    probe: tuple[int, ...] = ()

    def recorded(self) -> dict[str, object]:
        """The settings by their names in a run record; those without effect are None."""
        fast = asdict(self.fast) if "fast" in self.plan.methods else {}
        return {
            **asdict(self.plan),
            **asdict(self.pixels),
            **{f"fast_{name}": value for name, value in fast.items()},
            "devices": self.devices or None,
            "probe": self.probe or None,
        }

    def inputs(self) -> dict[str, Path]:
        """The files read, by role."""
        files = {"metadata": self.metadata, "against": self.against}
        return {role: path for role, path in files.items() if path}


@dataclass(frozen=True)
class StudentSettings:
    """How a student learns.

    Args:
        steps: gradient steps.
        batch_size: images a step.
        learning_rate: the highest, at the start; it falls to 0 along a cosine.
        temperature: both answers are softened by it.
        mixup: share of the images that are mixed with another, in [0, 1].
        disagreement: root mean square distance, in units of a pixel's range, that images are moved
            at most to where student and teacher disagree.
        hint: weight of the difference between both networks' maps; above 0 the student must be
            built like the teacher, narrower at most.
        reestimate: measure the batch norms' statistics anew when it has learnt (see `norms`).
        augment: change the images by small affine maps.
        flip: with it, mirror every second image left to right: for photographs.
    """

    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 6e-3
    temperature: float = 4.0
    mixup: float = 0.5
    disagreement: float = 0.2
    hint: float = 0.0
    reestimate: bool = False
    augment: bool = True
    flip: bool = False


def _share(total: int, parts: int, index: int) -> int:
    """Size of one of `parts` almost equal parts."""
    return total // parts + (index < total % parts)
