#!/usr/bin/env bash
# Puts the Free Spoken Digit Dataset's recordings (DIGIT_SPEAKER_NUMBER.wav in one folder) in a folder a digit.
#
#     git clone https://github.com/Jakobovski/free-spoken-digit-dataset
#     examples/keyword-spotting/make_class_folders.sh free-spoken-digit-dataset/recordings spoken-digits
set -euo pipefail
from=${1:?"which recordings? make_class_folders.sh RECORDINGS FOLDER"}
to=${2:?"into which folder? make_class_folders.sh RECORDINGS FOLDER"}
for clip in "$from"/[0-9]_*.wav; do
  name=$(basename "$clip")
  mkdir -p "$to/${name%%_*}"
  cp "$clip" "$to/${name%%_*}/"
done
