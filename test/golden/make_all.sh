#!/bin/sh
# Remakes every fixture beside this file. PYTHON chooses the interpreter that has torch.
set -e
cd "$(dirname "$0")"
for snippet in make_*.py; do
  PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$snippet"
done
