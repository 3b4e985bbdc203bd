#!/usr/bin/env bash
# From a .tflite that you already have to a verified firmware. Needs no TensorFlow.
# The model is int8 or int16x8, as TensorFlow's converter writes it with full integer quantization.
#
#     examples/own-tflite/demo.sh [MODEL.tflite [OUTPUT_DIRECTORY]]
#
# TARGET=NAME   a core or board of `tinyml targets`; cortex-m4 without it
# DATA=SOURCE   labelled test samples for the accuracy (docs/data.md); random inputs without it
# SHORT=1       fewer inputs, as the tests run it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
model=${1:-$here/../../tests/models/small.tflite}
out=${2:-out/own-tflite}
target=${TARGET:-cortex-m4}
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

inputs=()
if [ -n "${DATA:-}" ]; then inputs+=(--data "$DATA"); fi
if [ -n "${SHORT:-}" ]; then inputs+=(--samples 4); fi

say "1. What the model holds; an operator or a setting that would not export is named with the reason"
tinyml inspect "$model"

say "2. The model as C with a firmware for $target around it"
tinyml export "$model" --target "$target" --prefix model -o "$out/firmware" --force

say "3. The compiled firmware, run on an emulator: every output byte against TFLM"
tinyml validate "$out/firmware" "${inputs[@]}" -o "$out/validation.json" --force

say "4. What an inference costs with the fastest kernels, and with the smallest"
tinyml bench "$model" --target "$target" --optimize speed --vs --optimize size

echo
echo "To call it from your own program: $out/firmware/model.h. To go on: docs/getting-started.md, docs/boards.md"
