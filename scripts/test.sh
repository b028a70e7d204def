#!/bin/sh
# make test: the tests. make coverage: with coverage, which reaches child processes by its own patches (pyproject.toml)
# and makes each of them start more slowly: the suite takes twice as long.
set -eu
bin=$1
run=$2
shift 2

pytest="$bin/python -m pytest"
if [ "$run" = coverage ]; then
    # Children that gave up root must be able to write their share, and daemons stand in `/`: one absolute folder for all.
    COVERAGE_FILE=$(mktemp -d)/coverage
    export COVERAGE_FILE
    chmod 1777 "$(dirname "$COVERAGE_FILE")"
    trap 'rm -rf "$(dirname "$COVERAGE_FILE")"' EXIT
    pytest="$bin/coverage run -m pytest"
fi

# shellcheck disable=SC2086 - a list of words
$pytest --numprocesses 2 "$@"
if [ "$run" = coverage ]; then
    "$bin/coverage" combine --quiet
    "$bin/coverage" report
fi
