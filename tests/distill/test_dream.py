"""Making dreams."""

from __future__ import annotations

import functools
import json
import struct
import zlib

import numpy as np
import pytest

from tinyml import dreams
from tinyml.console import Silent
from tinyml.distill import dreaming, metadata, sheet, synthesizers
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.settings import Limits, PixelSettings, Plan, method_names
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError
from tinyml.run import Step

pytestmark = pytest.mark.slow  # TensorFlow trains in every test

QUICK = PixelSettings(steps=60, batch_norm=3.0)


def synthesize(method, context, count=60):
    made = synthesizers.make(method, context)
    rng = np.random.default_rng(0)
    draw = made.sample(count, rng)
    made.learnt = made.learn(rng, Silent())
    return draw, made.synthesize([draw], Silent())[0]


@pytest.fixture(scope="module")
def context(teacher_path, digits):
    teacher = Teacher.load(teacher_path)
    known = metadata.summarise(teacher, "", digits.train, Limits(), 0)
    return synthesizers.Context(teacher, QUICK, known)


@pytest.fixture(scope="module")
def made(context):
    """(draw, images) by method, each made once: compiling takes longer than dreaming."""
    return functools.cache(lambda method: synthesize(method, context))


@pytest.mark.parametrize("method", method_names())
def test_every_method_gives_images_in_range(method, made):
    draw, x = made(method)
    assert x.shape == (60, 8, 8, 1)
    assert x.dtype == np.float32
    assert draw.y.dtype == np.int64
    assert x.min() >= 0
    assert x.max() <= 1


def test_deepinversion_matches_statistics_and_classes(made, context):
    draw, x = made("deepinversion")
    teacher = context.teacher
    before, after = (
        float(batch_norm(teacher.look(images).norm_inputs, teacher.norms))
        for images in (draw.start, x)
    )
    assert after < 0.3 * before
    assert (teacher.answers(x).argmax(1) == draw.y).mean() > 0.9
    np.testing.assert_array_equal(np.bincount(draw.y), np.full(10, 6))


def test_activation_comes_near_its_target(made, context):
    draw, x = made("activation")

    def distance(images):
        return np.mean((context.teacher.features(images) - draw.target) ** 2)

    assert distance(x) < 0.5 * distance(draw.start)


def test_activation_works_without_batch_norm(plain_teacher_path, digits):
    plain = Teacher.load(plain_teacher_path)
    known = metadata.summarise(plain, "", digits.train, Limits(), 0)
    draw, x = synthesize("activation", synthesizers.Context(plain, QUICK, known))
    before, after = (np.mean((plain.features(i) - draw.target) ** 2) for i in (draw.start, x))
    assert after < before


def test_smooth_noise_is_smoother_than_uniform(made):
    def roughness(x):
        return np.abs(np.diff(x, axis=1)).mean()

    smooth, uniform = (made(method)[1] for method in ("noise", "uniform"))
    assert roughness(smooth) < 0.6 * roughness(uniform)
    np.testing.assert_allclose(smooth.max(axis=(1, 2, 3)), 1)


def test_smoothness_prior_smooths(teacher):
    def roughness(weight):
        settings = PixelSettings(steps=40, total_variation=weight)
        x = synthesize("deepinversion", synthesizers.Context(teacher, settings))[1]
        return np.abs(np.diff(x, axis=1)).mean()

    assert roughness(50.0) < 0.7 * roughness(0.0)


def test_plan_shares_dreams_out_in_equal_batches():
    assert Plan(("a",), 10, 4).batches() == [("a", 4), ("a", 3), ("a", 3)]
    assert Plan(("a", "b"), 9, 100).batches() == [("a", 5), ("b", 4)]
    assert Plan(("a", "b"), 1, 100).batches() == [("a", 1)]


def test_a_batch_does_not_depend_on_the_others(context, tmp_path):
    for name, count in (("one", 20), ("two", 40)):
        output = tmp_path / name / "dreams"
        output.mkdir(parents=True)
        dreaming.make(Plan(("deepinversion",), count, 20), context, Step(output), seed=5)
    one, two = (tmp_path / name / "dreams/shard-00000.npz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_agreement_counts_labels():
    logits = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    found = dreaming.agreement(
        [dreams.Dreams(np.zeros((4, 1, 1, 1)), np.array([0, 1, 1, 1]), logits)]
    )
    assert found["agreement"] == 0.75
    assert found["agreement_by_class"] == [1.0, pytest.approx(2 / 3), None]
    assert found["teacher_labels"] == [2, 2, 0]


def test_unknown_method_lists_the_known(context):
    with pytest.raises(InputError, match="no method 'lucid'; use activation, deepinversion"):
        synthesizers.make("lucid", context)


def test_activation_needs_metadata(teacher):
    with pytest.raises(InputError, match="--metadata: missing"):
        synthesizers.make("activation", synthesizers.Context(teacher, QUICK))


def test_png_holds_the_pixels(rng):
    pixels = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    raw = sheet.png(pixels)
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", raw[16:24]) == (7, 5)
    size = struct.unpack(">I", raw[33:37])[0]
    rows = np.frombuffer(zlib.decompress(raw[41 : 41 + size]), np.uint8).reshape(5, 22)
    np.testing.assert_array_equal(rows[:, 1:].reshape(5, 7, 3), pixels)


def dream(tinyml, teacher_path, output, *more):
    tinyml(
        *("distill", "dream", "--teacher", teacher_path, "--count", 20, "--dream-steps", 3),
        *("-o", output, *more),
    )


@pytest.mark.parametrize(
    "method", ["uniform", pytest.param("deepinversion", marks=pytest.mark.slow)]
)
def test_dream_command_writes_the_format_and_repeats(tinyml, teacher_path, tmp_path, method):
    for name in ("a", "b"):
        dream(tinyml, teacher_path, tmp_path / name, "--method", f"{method},noise")
    made = dreams.read(tmp_path / "a")
    assert made.x.shape == (20, 8, 8, 1)
    assert made.logits.shape == (20, 10)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {
        *("shard-00000.npz", "shard-00001.npz", "recipe.json"),
        "dreams.png",
        "run.json",
    }
    for name in names - {"run.json"}:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    recipe = json.loads((tmp_path / "a" / "recipe.json").read_text())
    assert recipe["batches"] == [
        {"method": method, "count": 10},
        {"method": "noise", "count": 10},
    ]
    metrics = json.loads((tmp_path / "a" / "run.json").read_text())["metrics"]
    assert {"agreement", "agreement_by_class", "teacher_labels", "synthesis_seconds"} <= set(
        metrics
    )


def test_seed_changes_dreams(tinyml, teacher_path, tmp_path):
    for seed in (1, 2):
        dream(tinyml, teacher_path, tmp_path / str(seed), "--seed", seed, "--method", "noise")
    first, second = (dreams.read(tmp_path / name).x for name in ("1", "2"))
    assert np.abs(first - second).max() > 0.1


def test_dream_command_failing_leaves_nothing(tinyml, plain_teacher_path, tmp_path):
    with pytest.raises(InputError, match="no batch norm"):
        dream(tinyml, plain_teacher_path, tmp_path / "d")
    assert [path.name for path in tmp_path.iterdir()] == ["plain.keras"]


def test_missing_teacher(tinyml, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        dream(tinyml, tmp_path / "none.keras", tmp_path / "d")
