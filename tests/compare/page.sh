#!/bin/sh
# page.sh THAW WELL_FORMED: the page that is written.
. "$(dirname "$0")/../cli/lib.sh"
well_formed=$2
data=$(cd "$(dirname "$0")/data" && pwd)
cd "$work" || exit 1

# is_page FILE N: a page of N measurements.
is_page() {
    exists "$1"
    "$well_formed" "$1" "$2" >why && return
    echo "FAILED: $what: $1 is not well formed:"
    sed 's/^/    /' why
    failures=$((failures + 1))
}
# is_no_page TEXT: what the check is there to find, it finds.
is_no_page() {
    printf '%s' "$1" >broken.html
    "$well_formed" broken.html 1 >/dev/null || return 0
    echo "FAILED: well_formed finds nothing wrong with: $1"
    failures=$((failures + 1))
}
has() {
    grep -qF -e "$1" "$2" || lacks "$2" "$1" /dev/null
}

run 0 bench --compare "$data/cpu.json" "$data/gpu.json"
silent
is_page thaw-bench.html 2
prints "thaw-bench.html"
has '<h1>Processor One vs Gräfik 9000</h1>' thaw-bench.html
has '250 · 25.0×' thaw-bench.html
has 'gpu.json' thaw-bench.html
count_is "other files" "$(find . -name 'thaw-bench.html*' | wc -l)" 1

# The same files give the same bytes, to a file and to stdout.
run 0 bench --compare "$data/cpu.json" "$data/gpu.json" --html -
same thaw-bench.html out
run 0 bench --compare "$data/cpu.json" --html one.html
is_page one.html 1
echo '{"format": "thaw-bench/1", "devices": [{"name": "x:0"}]}' >bare.json
run 0 bench --compare bare.json --html bare.html
is_page bare.html 1
# One device twice is told apart by its files.
cp "$data/cpu.json" later.json
run 0 bench --compare "$data/cpu.json" later.json --html twice.html
is_page twice.html 2
has '<h1>Processor One: cpu.json vs later.json</h1>' twice.html
run 0 bench --compare bare.json "$data/gpu.json" bare.json --html three.html
is_page three.html 3
has '<h1>3 devices</h1>' three.html
# With two kinds of options, in one file or beside another device, by its names.
sed 's/"devices": \[/"devices": [{"name": "cpu:0,isa=x", "title": "Processor One"}, /' "$data/cpu.json" >options.json
run 0 bench --compare options.json --html options.html
has '<h1>Processor One: cpu:0,isa=x vs cpu:0</h1>' options.html
run 0 bench --compare options.json "$data/gpu.json" --html options.html
is_page options.html 2
has '<h1>cpu:0,isa=x vs cpu:0 vs opencl:0</h1>' options.html

# What a page's button saves is read back, as if each of its measurements were a file.
sed -n '/id="raw-data">/,/<\/script>/p' thaw-bench.html | sed 's/.*id="raw-data">//; s/<\/script>//' >saved.json
run 0 bench --compare saved.json --html again.html
is_page again.html 2
has '250 · 25.0×' again.html
has 'saved.json[1]' again.html
raw_of() { sed -n '/id="raw-data">/,/<\/script>/p' "$1"; }
raw_of thaw-bench.html >raw
raw_of again.html >raw-again
same raw raw-again
run 0 bench --compare "$data/cpu.json" saved.json --baseline C --html more.html
is_page more.html 3

# Names that would be markup, or a terminal's commands.
evil='<\/script><img src=x onerror=alert(1)>\\"\\u0026\x27<!--\\u001b[31m\\u009b1m'
sed "s/\"\\(name\\|title\\|driver\\|label\\|shape\\|program\\|op\\|algorithm\\|cpu\\|error\\|source\\|thaw\\|precision\\)\": \\(\"[^\"]*\"\\|null\\)/\"\\1\": \"$evil\"/g" \
    "$data/gpu.json" >evil.json
has 'onerror' evil.json
run 0 bench --compare evil.json "$data/cpu.json" --html evil.html
is_page evil.html 2
has '&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&amp;&#39;&lt;!--?[31m' evil.html
has '\u003c/script>\u003cimg src=x onerror' evil.html
count_is "images" "$(grep -cF '<img' evil.html)" 0
count_is "control characters" "$(LC_ALL=C tr -d '\n' <evil.html | LC_ALL=C grep -c "$(printf '[\001-\037]')")" 0
count_is "control characters" "$(LC_ALL=C tr -d '\n' <out | LC_ALL=C grep -c "$(printf '[\001-\037]')")" 0

# Figures at the ends of what is allowed stay inside the page.
sed 's/"gflops": [0-9.][0-9.]*/"gflops": 1e24/; s/"bytes": [0-9][0-9]*/"bytes": 1e-24/; s/"median": 0.8, "min": 0.79/"median": 1e-24, "min": 0/' \
    "$data/cpu.json" >extreme.json
run 0 bench --compare "$data/gpu.json" extreme.json --html extreme.html
is_page extreme.html 2

# A page appears whole or not at all.
echo old >kept.html
run 1 bench --compare "$data/cpu.json" nowhere.json --html kept.html
count_is "bytes of the old page" "$(wc -c <kept.html)" 4
run 1 bench --compare "$data/cpu.json" --html no/such/folder/page.html
says "cannot write no/such/folder/page.html"
run 1 bench --compare "$data/cpu.json" --html .
says "cannot write"
cp "$data/cpu.json" mine.json
run 2 bench --compare mine.json --html ./mine.json
says "is one of the files to compare"
same mine.json "$data/cpu.json"
if [ -w /dev/full ]; then
    run 1 bench --compare "$data/cpu.json" --html /dev/full
    says "cannot write /dev/full"
fi

# The check of the pages can fail.
raw='<script type="application/json" id="raw-data">[{}]</script>'
printf '<!DOCTYPE html>\n<p>fine</p>%s' "$raw" >fine.html
is_page fine.html 1
start='<!DOCTYPE html>
'
is_no_page "<p></p>$raw"
is_no_page "$start<p>$raw"
is_no_page "$start<p></b></p>$raw"
is_no_page "$start<p class=a></p>$raw"
is_no_page "$start<p>a & b</p>$raw"
is_no_page "$start<p>a > b</p>$raw"
is_no_page "$start<img>$raw"
is_no_page "$start<p onclick=\"x\"></p>$raw"
is_no_page "$start<p id=\"a\"></p><p id=\"a\"></p>$raw"
is_no_page "$start<a href=\"#b\"></a>$raw"
is_no_page "$start<p>https://x</p>$raw"
is_no_page "$start<svg><path d=\"M nan 3\"/></svg>$raw"
is_no_page "$start<p></p>"
is_no_page "$start<script type=\"application/json\" id=\"raw-data\">[{}, {}]</script>"
finish
