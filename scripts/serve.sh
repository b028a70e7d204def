#!/bin/sh
# make serve: start the picture daemon, or say that it runs and where.
set -u
nbmon=$1 pictures=$2 host=$3 port=$4

if "$nbmon" status pictures >/dev/null 2>&1; then
    # `start` refuses and says where; for a newcomer who types it twice that is no failure.
    "$nbmon" start "$pictures" --name pictures --host "$host" --port "$port" 2>&1
    exit 0
fi

said=$("$nbmon" start "$pictures" --name pictures --host "$host" --port "$port" 2>&1)
code=$?
if [ "$code" -eq 0 ]; then
    echo "$said"
    exit 0
fi
echo "$said" >&2
case $said in
    *--port*) echo "With make: make serve PORT=NUMBER, for example make serve PORT=9086" >&2 ;;
esac
exit "$code"
