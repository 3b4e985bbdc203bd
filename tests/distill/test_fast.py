"""The generator, views of a batch and the speed probe."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from tinyml.console import Silent
from tinyml.distill import dreaming, sheet, starts, student, synthesizers, views
from tinyml.distill.generator import Generator
from tinyml.distill.losses.adversarial import adversarial
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.losses.imitation import imitation
from tinyml.distill.losses.label import label
from tinyml.distill.settings import FastSettings, PixelSettings, Plan
from tinyml.distill.teacher import Teacher
from tinyml.errors import InputError
from tinyml.models import files, registry, runtime
from tinyml.run import Step

pytestmark = pytest.mark.slow  # TensorFlow compiles in most tests


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (49, 10, 1), (5, 7, 2)])
def test_generator_draws_images_of_any_shape(shape, rng):
    generator = Generator(shape, 3, 4, 6)
    weights = generator.start(rng)
    z, y = rng.standard_normal((9, 6), np.float32), np.arange(9) % 3
    x = np.asarray(generator.images(weights, z, y))
    assert x.shape == (9, *shape)
    assert 0 < x.min() < x.max() < 1
    other = np.asarray(generator.images(weights, z, (y + 1) % 3))
    assert np.abs(x - other).max() > 0.01  # it is told the class


def test_generator_learns_where_a_few_steps_do(teacher, rng):
    """After learning, the images a batch begins with are far nearer to what they are to be."""

    def first(episodes):
        settings = FastSettings(steps=1, pixel_steps=0, episodes=episodes)
        made = synthesizers.make(
            "fast", synthesizers.Context(teacher, PixelSettings(), fast=settings)
        )
        made.learnt = made.learn(np.random.default_rng(1), Silent())
        draw = made.sample(100, np.random.default_rng(2))
        seen = teacher.look(made.synthesize([draw], Silent())[0])
        prior = batch_norm(seen.norm_inputs, teacher.norms)
        return float(prior), float(label(seen.logits, draw.y))

    few, many = first(1), first(40)
    assert many[0] < 0.7 * few[0]
    assert many[1] < 0.7 * few[1]


def test_moves_shift_and_mirror_the_batch():
    settings = PixelSettings(jitter=1, flip=True)
    x = np.zeros((1, 3, 3, 1), np.float32)
    x[0, 1, 0] = 1
    tf = runtime.tensorflow()

    def moved(*move):
        return np.argwhere(views.moved(tf.constant(x), tf.constant(move), settings)).tolist()

    assert moved(1, 1, 0) == [[0, 1, 0, 0]]
    assert moved(1, 1, 1) == [[0, 1, 2, 0]]
    assert moved(0, 0, 0) == [[0, 2, 1, 0]]
    assert moved(2, 2, 1) == [[0, 0, 1, 0]]


def test_natural_images_are_mirrored_where_they_end():
    settings = PixelSettings(jitter=1, natural=True)
    x = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    tf = runtime.tensorflow()
    found = views.moved(tf.constant(x), tf.constant([0, 2, 0]), settings)
    assert found.numpy().reshape(3, 3).tolist() == [[1, 2, 2], [1, 2, 2], [4, 5, 5]]


@pytest.mark.parametrize("shape", [(32, 32, 3), (16, 12, 1)])
def test_natural_starts_have_the_contrast_of_photographs(shape, rng):
    x = starts.draw(400, shape, PixelSettings(natural=True), rng)
    assert x.shape == (400, *shape)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) > (0, 0.9)
    assert x.max() <= 1
    assert x.std() == pytest.approx(0.24, abs=0.03)
    power = np.abs(np.fft.fft2(x - x.mean(), axes=(1, 2)))[..., 0].mean(0)
    assert power[0, 2] / power[0, 4] == pytest.approx(2, rel=0.2)  # 1/f
    if shape[-1] == 3:
        assert np.corrcoef(x[..., 0].ravel(), x[..., 2].ravel())[0, 1] > 0.7


def test_other_starts_are_uniform(rng):
    x = starts.draw(100, (8, 8, 1), PixelSettings(), rng)
    assert np.histogram(x, 4, (0, 1))[0] == pytest.approx([1600] * 4, rel=0.1)


def test_moves_are_drawn_as_often_either_way(rng):
    drawn = views.draw(PixelSettings(jitter=2, flip=True), 1000, rng)
    assert set(drawn[:, 0]) == {0, 1, 2, 3, 4}
    assert 400 < drawn[:, 2].sum() < 600
    assert not views.draw(PixelSettings(), 9, rng)[:, 2].any()


def test_adversarial_counts_where_both_agree():
    agreeing = np.array([[3.0, 0.0], [0.0, 1.0]], np.float32)
    assert float(adversarial(agreeing, agreeing)) == pytest.approx(0, abs=1e-6)
    sure, unsure, wrong = (np.array([row], np.float32) for row in ([9, 0], [1, 0], [0, 1]))
    p = np.exp([[1.0, 0.0]]) / np.exp([1.0, 0.0]).sum()
    assert float(adversarial(sure, unsure)) == pytest.approx(np.log(p[0, 0]), abs=1e-2)
    assert float(adversarial(sure, wrong)) == 0


@pytest.mark.parametrize("method", ["fast", "deepinversion"])
def test_dreams_against_a_student_are_harder_for_it(teacher, method, rng):
    like = student.build("resnet-6-8", teacher, "teacher-channels")
    like.set_weights([w * rng.normal(1, 0.1, w.shape) for w in like.get_weights()])
    pupil = Teacher(like)

    def apart(weight, against):
        pixels = PixelSettings(steps=60, adversarial=weight)
        fast = FastSettings(episodes=5, pixel_steps=60)
        context = synthesizers.Context(teacher, pixels, fast=fast, student=against)
        made = synthesizers.make(method, context)
        made.learnt = made.learn(np.random.default_rng(1), Silent())
        x = made.synthesize([made.sample(50, np.random.default_rng(2))], Silent())[0]
        return float(imitation(teacher.logits(x), pupil.logits(x), 1.0))

    assert apart(100.0, pupil) > 1.5 * apart(0.0, None)


def test_student_to_dream_against_must_fit(tinyml, teacher_path, tmp_path):
    files.save(registry.build("resnet-4-4", (8, 8, 1), 7), tmp_path / "s.keras")
    with pytest.raises(InputError, match="7 classes"):
        tinyml(
            *("distill", "dream", "--teacher", teacher_path, "--count", 4),
            *("--against", tmp_path / "s.keras", "-o", tmp_path / "d"),
        )


def test_memory_does_not_grow_with_the_number_of_dreams(teacher, tmp_path):
    def peak(count):
        place = tmp_path / f"{len(list(tmp_path.iterdir()))}-{count}"
        (place / "dreams").mkdir(parents=True)
        context = synthesizers.Context(teacher, PixelSettings())
        tracemalloc.start()
        dreaming.make(Plan(("uniform",), count, 400), context, Step(place / "dreams"), seed=0)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(800)  # what TensorFlow keeps of the first time
    images = 256 * (16000 - 800)  # bytes; TensorFlow itself keeps some kilobytes a batch
    assert peak(16000) < peak(800) + images / 4


def test_speed_is_recorded(tinyml, teacher_path, tmp_path):
    tinyml(
        *("distill", "dream", "--teacher", teacher_path, "--method", "deepinversion,noise"),
        *("--count", 20, "--dream-steps", 3, "--probe", "4,16", "-o", tmp_path / "d"),
    )
    metrics = json.loads((tmp_path / "d" / "run.json").read_text())["metrics"]
    assert [(p["method"], p["batch_size"]) for p in metrics["batch_sizes"]] == [
        ("deepinversion", 4),
        ("deepinversion", 16),
    ]
    assert all(p["images_per_second"] > 0 for p in metrics["batch_sizes"])
    timing = metrics["methods"]["deepinversion"]
    assert timing["cpu_seconds"] > 0
    assert timing["dreams"] == 10
    assert timing["images_per_second"] == pytest.approx(10 / timing["wall_seconds"], rel=0.05)
    assert set(timing["losses"]) == {"label", "variation", "energy", "batch_norm"}
    total = sum(method["wall_seconds"] for method in metrics["methods"].values())
    assert metrics["synthesis_seconds"] == pytest.approx(total, abs=0.01)


def test_narrow_features_are_shown_large_enough_to_see(tmp_path):
    sheet.write(tmp_path / "s.png", np.zeros((1, 49, 10, 1)), np.zeros(1), 1, 1)
    width, height = np.frombuffer((tmp_path / "s.png").read_bytes()[16:24], ">u4")
    assert (width, height) == (2 * 10 + 4, 2 * 49 + 4)
