#!/usr/bin/env bash
# Spoken words to firmware: recordings in class folders, a DS-CNN on MFCCs, int8, C, an emulated Cortex-M4.
#
#     examples/keyword-spotting/demo.sh CLIPS [OUTPUT_DIRECTORY]
#
# CLIPS     class folders of WAV files (WORD/FILE.wav; 16-bit PCM, one channel), or an archive of them. For spoken
#           digits, the Free Spoken Digit Dataset, which `make_class_folders.sh` beside this file puts in folders.
# SHORT=1   seconds of training, as the tests run it: all steps, but a poor network
set -euo pipefail
clips=${1:?"which recordings? examples/keyword-spotting/demo.sh CLIPS [OUTPUT_DIRECTORY]"}
out=${2:-out/keyword-spotting}
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

model=ds-cnn-64 training=(--epochs 40)
if [ -n "${SHORT:-}" ]; then
  model=ds-cnn-16
  training=(--steps 60)
fi

say "1. The clips as MFCCs, read once: a second is 49 frames of 10 coefficients"
tinyml data "$clips" --clip-ms 1000 --frame-ms 30 --hop-ms 20 --mel-bins 40 --coefficients 10 \
  -o "$out/words.npz" --force

say "2. A DS-CNN. Shifts and turns are for images, so no augmentation"
tinyml train --data "$out/words.npz" --model "$model" "${training[@]}" --no-augment -o "$out/model.keras" --force

say "3. To int8, calibrated on training clips"
tinyml quantize "$out/model.keras" --calibration "$out/words.npz" --data "$out/words.npz" \
  -o "$out/model.tflite" --force

say "4. To a C project"
tinyml export "$out/model.tflite" --target cortex-m4 --prefix words -o "$out/firmware" --force

say "5. The compiled firmware on an emulated Cortex-M4: every test clip, every output byte against TFLM"
tinyml validate "$out/firmware" --data "$out/words.npz" -o "$out/validation.json" --force

say "6. The whole way in one table and on one page"
tinyml report "$out" -o "$out/report.html" --force
# The firmware takes MFCCs. The microphone and the MFCCs before it are yours to write: docs/data.md has the
# arithmetic with all its constants.
