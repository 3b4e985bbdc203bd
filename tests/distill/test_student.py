"""Students that learn from dreams alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tinyml import data, dreams
from tinyml.distill import norms, student
from tinyml.distill.channels import inherit, matched_maps
from tinyml.distill.losses.hint import hint
from tinyml.distill.losses.imitation import imitation
from tinyml.distill.settings import StudentSettings
from tinyml.distill.teacher import Teacher
from tinyml.dreams import Dreams
from tinyml.errors import InputError
from tinyml.models import files, registry, runtime, training

pytestmark = pytest.mark.slow  # TensorFlow trains in every test


@pytest.fixture
def dreams_path(tmp_path, rng):
    path = tmp_path / "dreams"
    path.mkdir()
    shard = Dreams(
        rng.random((40, 8, 8, 1), np.float32),
        np.zeros(40, np.int64),
        np.zeros((40, 10), np.float32),
    )
    dreams.write_shard(path, 0, shard)
    return path


def learn(tinyml, teacher_path, dreams_path, output, *more):
    tinyml(
        *("distill", "student", "--teacher", teacher_path, "--dreams", dreams_path),
        *("--student", "resnet-4-4", "--steps", 6, "--disagreement", 0, "-o", output, *more),
    )


def test_student_never_touches_data(tinyml, teacher_path, dreams_path, tmp_path, monkeypatch):
    def refuse(source):
        raise AssertionError(f"loaded {source}")

    monkeypatch.setattr(data, "load", refuse)
    learn(tinyml, teacher_path, dreams_path, tmp_path / "s.keras")
    record = json.loads((tmp_path / "s.keras.run.json").read_text())
    assert set(record["inputs"]) == {"teacher", "dreams"}
    assert not any(name.startswith("accuracy") for name in record["metrics"])


def test_data_changes_the_report_but_not_the_student(tinyml, teacher_path, dreams_path, tmp_path):
    learn(tinyml, teacher_path, dreams_path, tmp_path / "blind.keras")
    learn(tinyml, teacher_path, dreams_path, tmp_path / "judged.keras", "--data", "digits")
    blind, judged = (tmp_path / n for n in ("blind.keras", "judged.keras"))
    assert blind.read_bytes() == judged.read_bytes()
    metrics = json.loads((tmp_path / "judged.keras.run.json").read_text())["metrics"]
    assert {"accuracy_test", "accuracy_validation", "accuracy_by_class"} <= set(metrics)
    test, teacher = data.load("digits").test, files.load(teacher_path, False)
    assert metrics["accuracy_test_teacher"] == training.accuracy(teacher, test)
    assert metrics["times_smaller"] == pytest.approx(
        metrics["parameters_teacher"] / metrics["parameters"], abs=0.01
    )


@pytest.mark.parametrize(
    "extra", [("--disagreement", 0.2), ("--init", "teacher-channels"), ("--hint", 10)]
)
def test_same_seed_same_bytes(tinyml, teacher_path, dreams_path, tmp_path, extra):
    for name in ("a.keras", "b.keras"):
        more = ("--student", "resnet-6-4", "--seed", 2, *extra)
        learn(tinyml, teacher_path, dreams_path, tmp_path / name, *more)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


def test_imitation_makes_student_and_teacher_agree(teacher, digits):
    """On images as good as data the student must come near; no label is used."""
    made = student.build("resnet-6-8", teacher, "random")
    settings = StudentSettings(steps=300, augment=False, mixup=0, disagreement=0)
    student.distill(made, teacher, digits.train.x, settings, seed=0)
    answers = (training.predict(made, digits.test.x), teacher.answers(digits.test.x))
    assert np.mean(answers[0].argmax(1) == answers[1].argmax(1)) > 0.75


def test_images_move_to_where_the_two_disagree(teacher, rng):
    made = Teacher(student.build("resnet-4-4", teacher, "random"))
    x = rng.random((8, 8, 8, 1), np.float32)
    moved = student._disagree(
        runtime.tensorflow().constant(x), np.full((8, 1, 1, 1), 0.05, np.float32), teacher, made, 4
    )

    def distance(images):
        return float(imitation(teacher.logits(images), made.logits(images), 4.0))

    assert distance(moved) > distance(x)
    assert np.sqrt(np.mean((moved - x) ** 2, axis=(1, 2, 3))).max() < 0.0501
    assert 0 <= np.min(moved) <= np.max(moved) <= 1


def test_without_mixing_and_augmentation_the_student_sees_the_dreams_themselves(rng):
    x = rng.random((5, 8, 8, 1), np.float32)
    settings = StudentSettings(batch_size=30, mixup=0, augment=False, disagreement=0.2)
    shown, reach = student._Mixer(x, settings, seed=0)(0)
    assert {image.tobytes() for image in shown} <= {image.tobytes() for image in x}
    assert reach.shape == (30, 1, 1, 1)
    assert 0 <= reach.min() <= reach.max() < 0.2


def test_dreams_are_pooled(tinyml, teacher_path, dreams_path, tmp_path):
    learn(tinyml, teacher_path, dreams_path, tmp_path / "s.keras", "--dreams", dreams_path)
    record = json.loads((tmp_path / "s.keras.run.json").read_text())
    assert record["metrics"]["dreams"] == 80
    assert set(record["inputs"]) == {"teacher", "dreams", "dreams_2"}


def test_images_of_a_data_set_can_be_learnt_from(
    tinyml, teacher_path, dreams_path, digits, tmp_path
):
    learn(tinyml, teacher_path, "data:digits", tmp_path / "s.keras", "--dreams", dreams_path)
    record = json.loads((tmp_path / "s.keras.run.json").read_text())
    assert record["metrics"]["dreams"] == len(digits.train) + 40
    assert record["settings"]["dreams"] == ["data:digits", str(dreams_path)]
    assert set(record["inputs"]) == {"teacher", "dreams_2"}


def test_student_from_a_file_takes_its_structure_and_not_its_weights(teacher, tmp_path):
    runtime.tensorflow(0)
    stored = registry.build("resnet-4-5", (8, 8, 1), 10)
    files.save(stored, tmp_path / "s.keras")
    made = student.build(str(tmp_path / "s.keras"), teacher, "random")
    assert [w.shape for w in made.weights] == [w.shape for w in stored.weights]
    assert np.abs(made.get_weights()[0] - stored.get_weights()[0]).max() > 0.01


def test_whole_teacher_inherited_is_the_teacher(teacher, digits):
    made = student.build("resnet-6-8", teacher, "teacher-channels")
    np.testing.assert_allclose(
        training.predict(made, digits.test.x[:9]), teacher.answers(digits.test.x[:9]), atol=1e-5
    )


def test_narrow_student_keeps_the_channels_with_the_largest_gamma(teacher):
    made = student.build("resnet-6-4", teacher, "teacher-channels")
    trunk = ["stem_bn", "stage1_block1_conv2_bn"]  # one group: the shortcut adds them
    worth = sum(np.abs(teacher.model.get_layer(n).gamma.numpy()) for n in trunk)
    kept = np.sort(np.argsort(-worth, kind="stable")[:4])
    whole, own = (m.get_layer("stem").get_weights()[0] for m in (teacher.model, made))
    np.testing.assert_array_equal(own, whole[..., kept])
    inner = np.abs(teacher.model.get_layer("stage1_block1_conv1_bn").gamma.numpy())
    chosen = np.sort(np.argsort(-inner, kind="stable")[:4])
    whole, own = (
        m.get_layer("stage1_block1_conv1").get_weights()[0] for m in (teacher.model, made)
    )
    np.testing.assert_array_equal(own, whole[:, :, kept][..., chosen])


def test_depthwise_channels_follow_their_group():
    k = runtime.tensorflow(0).keras

    def network(width):
        inputs = k.Input((8, 8, 1))
        x = k.layers.BatchNormalization()(k.layers.Conv2D(width, 3)(inputs))
        x = k.layers.BatchNormalization(name="norm")(k.layers.DepthwiseConv2D(3, name="depth")(x))
        return k.Model(inputs, k.layers.Dense(3)(k.layers.GlobalAveragePooling2D()(x)))

    teacher, made = network(6), network(2)
    teacher.get_layer("norm").set_weights([np.arange(6) - 3.5, *np.ones((3, 6))])
    inherit(made, teacher)
    wide, narrow = (m.get_layer("depth").get_weights() for m in (teacher, made))
    np.testing.assert_array_equal(narrow[0], wide[0][:, :, [0, 1]])
    np.testing.assert_array_equal(narrow[1], wide[1][[0, 1]])


def test_a_flattened_map_keeps_its_channels_at_every_place(rng):
    k = runtime.tensorflow(0).keras

    def network(width):
        inputs = k.Input((4, 4, 1))
        x = k.layers.BatchNormalization(name="norm")(k.layers.Conv2D(width, 3)(inputs))
        return k.Model(inputs, k.layers.Dense(3, name="out")(k.layers.Flatten()(x)))

    teacher, made = network(6), network(2)
    teacher.get_layer("norm").set_weights([np.arange(6) - 3.5, *np.ones((3, 6))])
    inherit(made, teacher)
    wide, narrow = (m.get_layer("out").get_weights()[0] for m in (teacher, made))
    np.testing.assert_array_equal(narrow.reshape(4, 2, 3), wide.reshape(4, 6, 3)[:, [0, 1]])


@pytest.fixture
def wide_and_narrow(rng):
    """Wide residual networks: the first shortcut of the wider is a convolution, of the narrower not."""
    runtime.tensorflow(0)
    wide, narrow = (registry.build(name, (8, 8, 3), 10) for name in ("wrn-10-2", "wrn-10-1"))
    for layer in wide.layers:
        if "_bn" in layer.name:
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
    return wide, narrow


def test_a_student_may_lack_the_convolution_of_a_shortcut(wide_and_narrow):
    wide, narrow = wide_and_narrow
    inherit(narrow, wide)
    for name, kept in (("stem", 16), ("stage1_block1_conv1", 16), ("stage3_block1_conv2", 64)):
        own, whole = (m.get_layer(f"{name}_bn").gamma.numpy() for m in (narrow, wide))
        assert len(own) == kept
        assert set(own) <= set(whole)
    np.testing.assert_array_equal(*(m.get_layer("stem").get_weights()[0] for m in (narrow, wide)))


def test_where_a_shortcut_is_lacking_the_hint_is_the_sum(wide_and_narrow):
    wide, narrow = wide_and_narrow
    found = matched_maps(narrow, wide)
    names = [pair.own.name for pair in found]
    assert [pair.whole.name for pair in found] == names
    assert names[:3] == ["stem_bn", "stage1_block1_conv1_bn", "stage1_block1_add"]
    assert {"stage2_block1_shortcut_bn", "stage2_block1_conv2_bn"} <= set(names)
    assert len(names) == 9  # as many as the narrower has batch norms
    kept = found[2].channels
    sums = sum(wide.get_layer(f"stage1_block1_{n}_bn").gamma.numpy() for n in ("conv2", "shortcut"))
    np.testing.assert_array_equal(kept, np.sort(np.argsort(-sums)[:16]))


def test_a_wider_student_is_refused(teacher):
    with pytest.raises(InputError, match=r"--init.*narrower"):
        student.build("resnet-6-9", teacher, "teacher-channels")


def test_student_of_another_depth_cannot_inherit(teacher):
    with pytest.raises(InputError, match=r"--init.*narrower"):
        student.build("resnet-8-4", teacher, "teacher-channels")


def test_student_may_end_in_softmax(plain_teacher_path, teacher, rng):
    made = student.build(str(plain_teacher_path), teacher, "random")
    x = rng.random((40, 8, 8, 1), np.float32)
    trained = student.distill(made, teacher, x, StudentSettings(steps=3, batch_size=8), seed=0)
    assert np.isfinite(trained.loss)
    assert Teacher(made).answers(x[:3]).shape == (3, 10)


def test_unfitting_student(teacher, tmp_path):
    files.save(registry.build("resnet-4-4", (8, 8, 1), 7), tmp_path / "s.keras")
    with pytest.raises(InputError, match="7 classes, the teacher"):
        student.build(str(tmp_path / "s.keras"), teacher, "random")


def test_unfitting_dreams(tinyml, teacher_path, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shard = Dreams(np.zeros((2, 9, 9, 1), np.float32), np.zeros(2, np.int64), np.zeros((2, 10)))
    dreams.write_shard(other, 0, shard)
    with pytest.raises(InputError, match=r"dreams have shape \(9, 9, 1\)"):
        learn(tinyml, teacher_path, other, tmp_path / "s.keras")
    assert not (tmp_path / "s.keras").exists()


def test_no_dreams(tinyml, teacher_path, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no dreams in it"):
        learn(tinyml, teacher_path, tmp_path / "empty", tmp_path / "s.keras")


@pytest.mark.parametrize(
    "first", [("distill",), pytest.param(("distill", "run"), marks=pytest.mark.slow)]
)
def test_run_does_all_in_one_go(tinyml, teacher_path, tmp_path, capsys, first):
    out = tmp_path / "all"
    tinyml(
        *(*first, "--teacher", teacher_path, "--student", "resnet-4-4", "--count", 20),
        *("--dream-steps", 5, "--steps", 5, "--json", "-o", out),
    )
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"output", "dreams", "student"}
    assert len(dreams.read(out / "dreams")) == 20
    assert files.load(out / "student.keras").output_shape == (None, 10)
    for record in ("run.json", "dreams/run.json", "student.keras.run.json"):
        assert (out / record).is_file()
    inputs = json.loads((out / "student.keras.run.json").read_text())["inputs"]
    assert inputs["dreams"]["path"] == str(out / "dreams")


def test_dreams_teach_what_noise_does_not(tinyml, teacher_path, tmp_path):
    accuracy = {}
    for method in ("deepinversion", "uniform"):
        out = tmp_path / method
        tinyml(
            *("distill", "--teacher", teacher_path, "--student", "resnet-8-8", "--method", method),
            *("--count", 400, "--steps", 500, "--data", "digits", "-o", out),
        )
        record = json.loads((out / "student.keras.run.json").read_text())
        accuracy[method] = record["metrics"]["accuracy_test"]
    assert accuracy["deepinversion"] > 0.6
    assert accuracy["deepinversion"] > accuracy["uniform"] + 0.1


def test_hints_are_the_difference_of_the_matched_channels(teacher, digits):
    """Against a loop of its own: the teacher as its own student, one batch norm of it scaled."""
    tf = runtime.tensorflow()
    made = student.build("resnet-6-8", teacher, "teacher-channels")
    norms = [n for n in made.layers if isinstance(n, tf.keras.layers.BatchNormalization)]
    maps = {n.name: teacher.model.get_layer(n.name).output for n in norms}
    seen = tf.keras.Model(teacher.model.inputs, maps)(digits.test.x[:9], training=False)
    given = {name: value * 1.5 if name == "stem_bn" else value for name, value in seen.items()}
    found = float(hint(list(seen.values()), list(given.values())))
    stem = seen["stem_bn"].numpy()
    wanted = np.mean((0.5 * stem) ** 2) / (stem.var() + 1e-3) / len(norms)
    assert found == pytest.approx(wanted, rel=1e-4)
    for pair in matched_maps(made, teacher.model):
        np.testing.assert_array_equal(pair.channels, np.arange(pair.own.gamma.shape[0]))


def test_hints_bring_a_narrow_students_maps_near_the_teachers(teacher, digits):
    def distance(weight):
        runtime.tensorflow(0)
        made = student.build("resnet-6-4", teacher, "random")
        settings = StudentSettings(steps=60, augment=False, mixup=0, disagreement=0, hint=weight)
        student.distill(made, teacher, digits.train.x, settings, seed=0)
        found = matched_maps(made, teacher.model)
        whole = teacher.watched([pair.whole for pair in found])(digits.test.x)[1]
        own = Teacher(made).watched([pair.own for pair in found])(digits.test.x)[1]
        pairs = zip(found, whole)
        return float(hint([m.numpy()[..., pair.channels] for pair, m in pairs], own))

    assert distance(10.0) < 0.7 * distance(0.0)


@pytest.mark.parametrize("extra", [("--hint", 10), ("--init", "teacher-channels")])
def test_unfit_student_is_refused_before_the_dreams(tinyml, teacher_path, tmp_path, extra):
    given = ("distill", "run", "--teacher", teacher_path, "--student", "resnet-4-4", *extra)
    with pytest.raises(InputError, match=r"not a narrower"):
        tinyml(*given, "--count", 10**9, "-o", tmp_path / "out")  # takes for ever if it begins
    assert not list(tmp_path.iterdir())


def test_hints_with_a_search_need_narrow_copies(tinyml, teacher_path, dreams_path, tmp_path):
    given = ("distill", "student", "--teacher", teacher_path, "--dreams", dreams_path)
    more = ("--fit", "cortex-m4:64K:256K", "--hint", 10, "-o", tmp_path / "s.keras")
    with pytest.raises(InputError, match=r"--init teacher-channels"):
        tinyml(*given, *more)


def test_hints_need_a_student_built_like_the_teacher(tinyml, teacher_path, dreams_path, tmp_path):
    with pytest.raises(InputError, match=r"--hint.*not a narrower"):
        learn(tinyml, teacher_path, dreams_path, tmp_path / "s.keras", "--hint", 10)
    assert not (tmp_path / "s.keras").exists()


def test_batch_norms_measured_anew_are_the_means_over_all_batches(rng):
    layers = runtime.tensorflow().keras.layers
    given = layers.Input((4, 4, 2))
    model = runtime.tensorflow().keras.Model(given, layers.BatchNormalization()(given))
    x = rng.normal(3, 2, (600, 4, 4, 2)).astype(np.float32)
    norms.reestimate(model, x, 0)
    _, _, mean, variance = model.get_weights()
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(variance, x.var((0, 1, 2)), rtol=1e-2)  # within batches of 200
    assert model.layers[1].momentum == 0.99


def test_only_the_statistics_are_measured_anew(teacher, digits):
    def taught(anew):
        runtime.tensorflow(0)
        made = registry.build("resnet-4-4", (8, 8, 1), 10)
        settings = StudentSettings(steps=3, reestimate=anew)
        student.distill(made, teacher, digits.train.x, settings, seed=0)
        return made

    plain, anew = taught(False), taught(True)
    for a, b in zip(plain.weights, anew.weights):
        same = np.array_equal(a.numpy(), b.numpy())
        assert same == ("moving" not in a.name), a.name


@pytest.mark.parametrize("disagreement", [0.0, 0.2])
def test_measuring_other_images_than_it_learnt_from_is_warned_of(
    teacher, digits, capsys, disagreement
):
    made = registry.build("resnet-4-4", (8, 8, 1), 10)
    settings = StudentSettings(steps=1, reestimate=True, disagreement=disagreement)
    student.distill(made, teacher, digits.train.x, settings, seed=0)
    told = " ".join(capsys.readouterr().err.split())
    assert ("give --disagreement 0" in told) == bool(disagreement)


def test_without_batch_norms_there_is_nothing_to_measure(
    tinyml, teacher_path, plain_teacher_path, dreams_path, tmp_path
):
    given = ("--teacher", teacher_path, "--student", plain_teacher_path, "--reestimate")
    for command in (("student", "--dreams", dreams_path), ("run", "--count", 10**9)):
        with pytest.raises(InputError, match=r"no batch norm.*leave --reestimate out"):
            tinyml("distill", *command, *given, "-o", tmp_path / "s.keras")
        assert not (tmp_path / "s.keras").exists()
