#!/usr/bin/env bash
# A model that a fleet of devices trains where the data lies, when each device sees two classes only.
# Federated training is simulated: the devices are parts of one data set on this machine.
#
#     examples/skewed-fleet/demo.sh [IMAGES [OUTPUT_DIRECTORY]]
#
# IMAGES      'digits' (scikit-learn's handwritten digits, the default), an .npz, or class folders (docs/data.md)
# SHARE=0.1   the shared set, relative to the training images; at most the 1,000 dreams that are made
# SHORT=1     seconds of training, as the tests run it: all steps, but poor networks
set -euo pipefail
images=${1:-digits}
out=${2:-out/skewed-fleet}
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

dreams=1000 share=${SHARE:-0.1} rounds=20 teacher_training=()
if [ -n "${SHORT:-}" ]; then
  dreams=40 share=0.03 rounds=2
  teacher_training=(--steps 60)
fi

say "1. What can be shared without sharing a sample: dreams of a teacher that somebody has trained"
tinyml train --data "$images" --model resnet-8-8 "${teacher_training[@]}" -o "$out/teacher.keras" --force
tinyml distill dream --teacher "$out/teacher.keras" --count "$dreams" -o "$out/dreams" --force

say "2. The model that the fleet starts from: untrained (no step of training is taken)"
tinyml distill student --teacher "$out/teacher.keras" --dreams "$out/dreams" --student resnet-8-8 \
  --steps 0 --data "$images" -o "$out/start.keras" --force

say "3. Ten devices with two classes each train it: alone, then with the dreams shared among them"
federate() {
  tinyml federate --model "$out/start.keras" --data "$images" --clients 10 --partition pathological:2 \
    --rounds "$rounds" --epochs 1 --batch-size 10 --learning-rate 0.02 --strategy fedavg "$@" --force
}
federate -o "$out/alone"
federate --share "$share" --share-alpha 0.5 --share-source "dreams:$out/dreams" --warm-up 5 -o "$out/with-dreams"
# Who holds what and how skewed it is: with-dreams/partition.json. Every round: with-dreams/history.jsonl, plots.

say "4. The fleet's model to int8, calibrated on dreams, to a C project, and onto an emulated Cortex-M4"
tinyml quantize "$out/with-dreams/model.keras" --calibration "dreams:$out/dreams" --data "$images" \
  -o "$out/model.tflite" --force
tinyml export "$out/model.tflite" --target cortex-m4 --prefix fleet -o "$out/firmware" --force
tinyml validate "$out/firmware" --data "$images" -o "$out/validation.json" --force

say "5. The whole way in one table and on one page"
tinyml report "$out" -o "$out/report.html" --force
