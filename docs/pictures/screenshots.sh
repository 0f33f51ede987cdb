#!/usr/bin/env bash
# Makes the screenshots of README: screenshots.sh STORE, with mitdb on this machine, and Debian's chromium.
# STORE needs synthetic windows: the site draws them.
set -euo pipefail
store=$1
here=$(cd "$(dirname "$0")" && pwd)
site=$(mktemp -d)
trap 'rm -r "$site"' EXIT
ecgbench report --store "$store" --dataset mitdb --out "$site"
ecgbench explore mitdb --out "$site/explore.html" > "$site/explore.txt"

shot() {  # PAGE NAME WIDTH,HEIGHT
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=8000 \
        --window-size="$3" --screenshot="$here/$2.png" "file://$site/$1.html"
    # 96 colours: a third of the size
    python -c 'import sys; from PIL import Image; p = sys.argv[1]; Image.open(p).convert("RGB").quantize(96).save(p, optimize=True)' "$here/$2.png"
}

shot index site-board 1280,1040
shot generator-flow-matching site-generator 1280,1120
shot explore explore 1160,1215
