#!/bin/sh
# Install the Debian packages named, if they are missing and if this can be done here without asking anybody.
# Never fails: tests that need what could not be had are skipped and say why.
set -u
missing=
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
    echo "Not installed:$missing (the tests that need it are skipped). On Debian: sudo apt-get install$missing"
    exit 0
fi
echo "Installing$missing for the tests …"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 - a list of words
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
    echo "Could not install$missing: the tests that need it are skipped."
exit 0
