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

if ! "$bin/coverage" run -m pytest --numprocesses 2 "$@"; then
    # Real processes on a busy machine: what fails is tried once more, alone. What then passes is flaky, which is
    # a bug of its own: it is named here, to be mended.
    echo
    echo 'Once more, alone, what failed. A test that passes now is flaky: find its race.'
    "$bin/coverage" run -m pytest --last-failed --last-failed-no-failures none --maxfail 20 -v "$@"
fi
"$bin/coverage" combine --quiet
"$bin/coverage" report
