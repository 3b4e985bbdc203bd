#include "tinyml_band.h"

/* Input rows that the first `rows` rows are made of. */
static int32_t needed(const tinyml_band_node *node, int32_t rows)
{
    return rows > 0 ? (rows - 1) * node->stride + node->reach - node->before : 0;
}

/* Moves rows down. A C library for small cores moves single bytes; this loads words where it may. */
static void move_down(int8_t *to, const int8_t *from, int32_t bytes)
{
    int32_t i = 0;
#if defined(__GNUC__)
    for (; i + 4 <= bytes; i += 4) {
        uint32_t word;
        __builtin_memcpy(&word, from + i, 4);
        __builtin_memcpy(to + i, &word, 4);
    }
#endif
    for (; i < bytes; ++i) {
        to[i] = from[i];
    }
}

/* Drops the rows before `first`. */
static void slide(const tinyml_band_node *node, tinyml_band_rows *rows, int32_t first)
{
    if (first > rows->first) {
        const int32_t dropped = (first - rows->first) * node->row_bytes;
        move_down(node->place, node->place + dropped, (rows->made - first) * node->row_bytes);
        rows->first = first;
    }
}

/* The first row of a node's output that others still need, if it is below `first`. */
static int32_t still_needed(const tinyml_band_node *nodes, int32_t count, const tinyml_band_rows *rows,
                            int32_t node)
{
    int32_t first = rows[node].made;
    for (int32_t reader = node + 1; reader < count; ++reader) {
        const tinyml_band_node *of = &nodes[reader];
        if (of->inputs[0] == node || of->inputs[1] == node) {
            first = tinyml_min(first, rows[reader].made * of->stride - of->before);
        }
    }
    return tinyml_max(first, 0);
}

/* From the last node's next rows back to what they are made of. */
static void set_goals(const tinyml_band_node *nodes, int32_t count, tinyml_band_rows *rows)
{
    tinyml_band_rows *const last = &rows[count - 1];
    last->goal = tinyml_min(last->made + nodes[count - 1].most, nodes[count - 1].rows);
    const int ends = last->goal == nodes[count - 1].rows;
    for (int32_t i = count - 1; i >= 0; --i) {
        const tinyml_band_node *node = &nodes[i];
        if (ends && !node->strip) {
            rows[i].goal = node->rows;
        }
        for (int32_t k = 0; k < 2; ++k) {
            const int32_t input = node->inputs[k];
            if (input >= 0 && input < count) {
                const int32_t wanted = tinyml_min(needed(node, rows[i].goal), nodes[input].rows);
                rows[input].goal = tinyml_max(rows[input].goal, wanted);
            }
        }
    }
}

/* The most rows that a node can make of what its inputs have by then. */
static int32_t possible(const tinyml_band_node *nodes, int32_t count, const tinyml_band_rows *rows, int32_t node)
{
    const tinyml_band_node *of = &nodes[node];
    int32_t most = tinyml_min(rows[node].made + of->most, of->rows);
    for (int32_t k = 0; k < 2; ++k) {
        const int32_t input = of->inputs[k];
        if (input >= 0 && input < count && rows[input].goal < nodes[input].rows) {
            const int32_t seen = rows[input].goal + of->before - of->reach;
            most = tinyml_min(most, seen < 0 ? 0 : seen / of->stride + 1);
        }
    }
    return most;
}

int tinyml_band_turn(const tinyml_band_node *nodes, int32_t count, tinyml_band_rows *rows)
{
    int32_t made = 0;
    set_goals(nodes, count, rows);
    for (int32_t i = 0; i < count; ++i) {
        rows[i].goal = tinyml_min(rows[i].goal, possible(nodes, count, rows, i));
        made += rows[i].goal - rows[i].made;
        if (nodes[i].strip) {
            slide(&nodes[i], &rows[i], still_needed(nodes, count, rows, i));
        }
    }
    return made != 0;
}

int tinyml_band_next(const tinyml_band_node *nodes, tinyml_band_rows *rows, int32_t node, tinyml_band *band)
{
    const tinyml_band_node *of = &nodes[node];
    const int32_t made = rows[node].made;
    const int32_t goal = rows[node].goal;
    const int32_t top = made * of->stride - of->before;
    const int32_t first = tinyml_max(top, 0);
    if (goal == made) {
        return 0;
    }
    for (int32_t k = 0; k < 2; ++k) {
        const int32_t input = of->inputs[k] >= 0 ? of->inputs[k] : of->inputs[0];
        band->inputs[k] = nodes[input].place + (first - rows[input].first) * nodes[input].row_bytes;
    }
    band->output = of->place + (made - rows[node].first) * of->row_bytes;
    band->rows = goal - made;
    band->input_rows = tinyml_min(needed(of, goal), nodes[of->inputs[0]].rows) - first;
    band->pad_top = first - top;
    band->begins = made == 0;
    band->ends = goal == of->rows;
    rows[node].made = goal;
    return 1;
}
