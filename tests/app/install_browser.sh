#!/bin/sh
# The browser tests drive a Chromium of the system; install Debian's when none is found.
set -e
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
[ -n "$NINE_PAPERS_CHROMIUM" ] && exit 0
if command -v apt-get >/dev/null 2>&1; then
  sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo"
  $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium >/dev/null
else
  echo "No Chromium found: install one, or set NINE_PAPERS_CHROMIUM to its path." >&2
  exit 1
fi
