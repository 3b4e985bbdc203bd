#!/usr/bin/env bash
# From a teacher to a verified firmware, on scikit-learn's handwritten digits (1,797 real 8x8 images).
# Every step is a command of the public CLI; copy what you need.
#
#     examples/digits/demo.sh [OUTPUT_DIRECTORY]
set -euo pipefail
out=${1:-out/digits}
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

say "1. A teacher, trained on the real images"
tinyml train --data digits --model resnet-8-20 -o "$out/teacher.keras" --force

say "2. A student that never sees a real image: metadata of a tenth of them, dreams, distillation"
tinyml distill metadata --teacher "$out/teacher.keras" --data digits --fraction 0.1 \
  -o "$out/metadata.npz" --force
tinyml distill dream --teacher "$out/teacher.keras" --metadata "$out/metadata.npz" \
  --method deepinversion,activation --count 1000 -o "$out/dreams" --force
# --data only reports accuracy when all is done
tinyml distill student --teacher "$out/teacher.keras" --dreams "$out/dreams" \
  --student resnet-8-8 --data digits -o "$out/student.keras" --force

say "   The floor: the same student, taught in the same way on noise instead of dreams"
for noise in noise uniform; do
  tinyml distill dream --teacher "$out/teacher.keras" --method $noise --count 1000 \
    -o "$out/$noise" --force
  tinyml distill student --teacher "$out/teacher.keras" --dreams "$out/$noise" \
    --student resnet-8-8 --data digits -o "$out/student-on-$noise.keras" --force
done

say "3. Ten clients with one class each train the student on: alone, then with shared dreams"
federate() {
  tinyml federate --model "$out/student.keras" --data digits --clients 10 \
    --partition pathological:1 --rounds 8 --epochs 1 --batch-size 32 --learning-rate 0.02 \
    --strategy fedavg --divergence "$@" --force
}
federate -o "$out/federated-alone"
federate --share 0.1 --share-alpha 0.5 --share-source "dreams:$out/dreams" --warm-up 1 \
  -o "$out/federated-dreams"

say "4. To int8, calibrated on dreams"
tinyml quantize "$out/federated-dreams/model.keras" --calibration "dreams:$out/dreams" \
  --data digits -o "$out/model.tflite" --force

say "5. To a C project for Cortex-M4"
tinyml export "$out/model.tflite" --target cortex-m4 --prefix digits -o "$out/firmware" --force

say "6. The firmware on an emulated Cortex-M4: every test image, every output byte and layer against TFLM"
tinyml validate "$out/firmware" --emulator qemu --data digits --layers \
  -o "$out/validation.json" --force
tinyml bench "$out/firmware" -o "$out/bench.json" --force

say "7. Everything in one table and on one page"
tinyml report "$out" -o "$out/report.html" --force
