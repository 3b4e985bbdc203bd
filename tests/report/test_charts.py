"""Places of marks, in percent."""

from __future__ import annotations

import pytest

from tinyml.report import charts, text


def values(axis) -> list[float]:
    return [tick.value for tick in axis.ticks]


def test_accuracies_are_shown_up_to_one():
    assert values(charts.accuracy_axis([0.883, 0.997])) == [0.85, 0.9, 0.95, 1.0]
    assert values(charts.accuracy_axis([1.0]))[-1] == 1.0
    assert charts.accuracy_axis([0.0]).low == 0.0
    assert charts.accuracy_axis([]).low < 1.0


def test_an_axis_may_end_at_a_value_that_is_not_round():
    axis = charts.axis(0, 2016, top=2016)
    assert values(axis) == [0, 500, 1000, 1500, 2000]
    assert axis.at(2016) == 100
    assert axis.at(504) == 25


@pytest.mark.parametrize("high", [1, 7, 64, 999, 1000, 123456789])
def test_ticks_are_few_and_inside(high):
    axis = charts.axis(0, high)
    assert 2 <= len(axis.ticks) <= 8
    assert all(0 <= tick.at <= 100 for tick in axis.ticks)
    assert axis.low <= 0 < high <= axis.high


@pytest.mark.parametrize("count", [0, 1, 12, 13, 100, 5000])
def test_labels_of_whole_numbers_have_room(count):
    assert len(charts.whole_ticks(count)) <= charts.MOST_TICKS + 1


def test_byte_0_is_at_the_bottom_and_node_0_at_the_left():
    scale = charts.axis(0, 100, top=100)
    block = charts.block(first=1, last=3, offset=0, nbytes=25, positions=4, scale=scale)
    assert block == charts.Block(x=25, y=75, width=50, height=25)


def test_a_buffer_of_few_bytes_can_be_seen():
    scale = charts.axis(0, 100000, top=100000)
    assert charts.block(0, 1, 0, 1, 4, scale).height >= 1


def test_a_block_gives_way_along_a_slanted_edge():
    """Bytes 40 to 80 pass from one block to the other at node 1, the lowest first."""
    scale = charts.axis(0, 100, top=100)
    source = charts.block(0, 2, 40, 60, 4, scale)
    output = charts.block(1, 4, 0, 80, 4, scale)
    assert charts.outline(source, [], [(40, 80)], 4, scale) == "0,60 25,60 50,20 50,0 0,0"
    assert charts.outline(output, [(40, 80)], [], 4, scale) == "25,100 100,100 100,20 50,20 25,60"


def test_a_run_of_one_round_is_a_point():
    scale = charts.accuracy_axis([0.9])
    mark = charts.place(0, 0.9, "the start", charts.whole_axis(0), scale)
    assert (mark.x, mark.y) == (0, 100 - scale.at(0.9))


def test_long_curves_are_thinned_but_keep_their_ends():
    assert charts.thinned(range(5), 400) == [0, 1, 2, 3, 4]
    kept = charts.thinned(range(1000), 400)
    assert (kept[0], kept[-1]) == (0, 999)
    assert len(kept) <= 401


def test_the_two_bars_of_a_column_touch_and_stay_inside():
    left, right, width = charts.columns(1, 4)
    assert 25 < left < right < right + width < 50
    assert right == pytest.approx(left + width)


@pytest.mark.parametrize(
    ("value", "label"), [(0, "0"), (0.025, "0.025"), (950, "950"), (2500, "2.5k"), (4e7, "40M")]
)
def test_labels_of_an_axis_are_short(value, label):
    assert text.short(value) == label


def test_bars_are_relative_to_the_longest():
    assert charts.bars([0, 1, 4]) == [0, 25, 100]
    assert charts.bars([0, 0]) == [0, 0]
    assert charts.bars([]) == []
