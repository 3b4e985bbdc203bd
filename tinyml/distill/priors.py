"""The terms that methods share: what any image of the teacher's world is like."""

from __future__ import annotations

from typing import Any

from tinyml.distill.losses.adversarial import adversarial
from tinyml.distill.losses.batch_norm import batch_norm
from tinyml.distill.losses.image import energy, total_variation
from tinyml.distill.synthesizers import Context
from tinyml.distill.teacher import Seen


def priors(context: Context, x: Any, seen: Seen) -> dict[str, Any]:
    """Weighted scalars by name; those that the teacher or the context has no ground for are left out.

    Args:
        context: teacher, weights and perhaps a student.
        x: images, float32 (N, H, W, C).
        seen: the teacher's look at them.
    """
    weights, norms = context.pixels, context.teacher.norms
    terms = {
        "variation": weights.total_variation * total_variation(x),
        "energy": weights.energy * energy(x),
    }
    if norms:
        terms["batch_norm"] = weights.batch_norm * batch_norm(seen.norm_inputs, norms)
    if context.student:
        apart = adversarial(seen.logits, context.student.logits(x))
        terms["adversarial"] = weights.adversarial * apart
    return terms
