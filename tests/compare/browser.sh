#!/bin/sh
# browser.sh THAW WELL_FORMED: a browser runs the page's script and none of a device's name.
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || browser=
if [ -z "$browser" ]; then
    echo "skipped: no chromium or chrome to look at the page with"
    exit 77
fi
. "$(dirname "$0")/../cli/lib.sh"
data=$(cd "$(dirname "$0")/data" && pwd)
cd "$work" || exit 1

sed 's/"title": "[^"]*"/"title": "<\/script><script>document.title=1<\/script><img src=x onerror=\\"document.title=2\\">"/' \
    "$data/gpu.json" >evil.json
run 0 bench --compare "$data/cpu.json" evil.json --html page.html
what="the page in $browser"
# A click on the heading of the times, as a person makes it.
sed 's/<\/body>/<script>document.querySelectorAll("#ops .keys button")[5].click();<\/script><\/body>/' page.html >clicked.html
if ! "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --user-data-dir="$work/profile" --virtual-time-budget=2000 --dump-dom "file://$work/clicked.html" \
    >dom.html 2>log; then
    echo "skipped: $browser does not run here: $(tail -1 log)"
    exit 77
fi
found() {
    count_is "\"$1\"" "$(grep -c -e "$1" dom.html)" "$2"
}
found '<title>thaw bench: Processor One / &lt;/script' 1
found '<img' 0
# The script ran: tools are shown, headings are buttons, and the slowest op is the first.
found 'class="tools" hidden' 0
found '<button type="button">GMAC</button>' 1
found '<th scope="col" aria-sort="descending">' 1
first=$(grep -o '<small>[a-z0-9_]* · 8x' dom.html | head -1)
[ "$first" = '<small>conv2d_4 · 8x' ] || lacks "the first row" "conv2d_4" dom.html
finish
