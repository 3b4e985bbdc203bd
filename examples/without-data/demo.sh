#!/usr/bin/env bash
# An image classifier for a microcontroller, made from a trained one without its data.
# Somebody trained the teacher and keeps the images. You get the teacher's file, nothing else.
#
#     examples/without-data/demo.sh [IMAGES [OUTPUT_DIRECTORY]]
#
# IMAGES    'digits' (scikit-learn's handwritten digits, the default), an .npz, or class folders (docs/data.md).
#           They train the teacher in step 1 and measure accuracy. Dreams, student and calibration never see them.
# TEACHER=T.keras   your own trained classifier with batch norms, in place of step 1
# SHORT=1           seconds of training, as the tests run it: all steps, but poor networks
set -euo pipefail
images=${1:-digits}
out=${2:-out/without-data}
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

dreams=1000 teacher_training=() student_training=()
if [ -n "${SHORT:-}" ]; then
  dreams=40
  teacher_training=(--steps 60)
  student_training=(--steps 60)
fi

if [ -z "${TEACHER:-}" ]; then
  say "1. The teacher, trained by whoever has the images"
  TEACHER=$out/teacher.keras
  tinyml train --data "$images" --model resnet-8-20 "${teacher_training[@]}" -o "$TEACHER" --force
fi

say "2. Dreams: images that give the teacher's batch norms the statistics they remember. Look at dreams/dreams.png"
tinyml distill dream --teacher "$TEACHER" --method deepinversion --count "$dreams" -o "$out/dreams" --force

say "3. A student with a fraction of the teacher's weights, taught on the dreams alone"
# --data only reports accuracy when all is done
tinyml distill student --teacher "$TEACHER" --dreams "$out/dreams" --student resnet-8-8 \
  "${student_training[@]}" --data "$images" -o "$out/student.keras" --force

say "4. To int8; the ranges of activations come from dreams, too"
tinyml quantize "$out/student.keras" --calibration "dreams:$out/dreams" --data "$images" \
  -o "$out/model.tflite" --force

say "5. To a C project, and the compiled firmware on an emulated Cortex-M4"
tinyml export "$out/model.tflite" --target cortex-m4 --prefix classifier -o "$out/firmware" --force
tinyml validate "$out/firmware" --data "$images" -o "$out/validation.json" --force

say "6. The whole way in one table and on one page"
tinyml report "$out" -o "$out/report.html" --force
