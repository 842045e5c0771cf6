#!/bin/sh
# `npm start`: runs the gateway, by itself when there is no Redis to be found.
set -e
flags=$(bun start.ts "$@")
# It takes the place of this shell, so that signals reach it.
exec ./dist/prom-stream-gateway "$@" $flags
