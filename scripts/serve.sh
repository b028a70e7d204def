#!/bin/sh
# make serve: start the picture daemon, or say that it runs and where.
set -u
nbmon=$1 pictures=$2 host=$3 port=$4

said=$("$nbmon" start "$pictures" --name pictures --host "$host" --port "$port" 2>&1)
code=$?
case $code,$said in
    0,*)
        echo "$said" ;;
    1,*" is already running"*) # for a newcomer who types it twice that is no failure
        echo "$said"
        exit 0 ;;
    *)
        echo "$said" >&2 ;;
esac
case $said in
    *--port*) echo "With make: make serve PORT=NUMBER, for example make serve PORT=9086" >&2 ;;
esac
exit "$code"
