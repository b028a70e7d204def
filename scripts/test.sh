#!/bin/sh
# make test: the tests with coverage, which reaches child processes by its own patches (pyproject.toml).
set -eu
bin=$1
shift

# Children that gave up root must be able to write their share, and daemons stand in `/`: one absolute folder for all.
COVERAGE_FILE=$(mktemp -d)/coverage
export COVERAGE_FILE
chmod 1777 "$(dirname "$COVERAGE_FILE")"
trap 'rm -rf "$(dirname "$COVERAGE_FILE")"' EXIT

"$bin/coverage" run -m pytest --numprocesses 2 "$@"
"$bin/coverage" combine --quiet
"$bin/coverage" report
