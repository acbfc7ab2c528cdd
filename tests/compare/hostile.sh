#!/bin/sh
# hostile.sh THAW WELL_FORMED: files that are not what they should be are refused, with the place.
. "$(dirname "$0")/../cli/lib.sh"
data=$(cd "$(dirname "$0")/data" && pwd)
cd "$work" || exit 1

# refused PATTERN: the file bad.json is.
refused() {
    run 1 bench --compare "$data/cpu.json" bad.json
    says "^thaw: bad.json\(\[[0-9]*\]\)\?: .*$1"
    count_is "lines of stderr" "$(wc -l <"$work/err")" 1
    count_is "bytes of stdout" "$(wc -c <"$work/out")" 0
    missing thaw-bench.html
}
# changed SED PATTERN
changed() {
    sed "$1" "$data/cpu.json" >bad.json
    refused "$2"
}

changed 's/"format": "thaw-bench\/1"/"format": "thaw-bench\/2"/' "format is of another version.*measure again"
changed 's/"format": "thaw-bench\/1"/"format": "other"/' "format is not \"thaw-bench/1\""
changed 's/"format"/"formal"/' "format is not"
changed 's/"format": "thaw-bench\/1"/"format": 1/' "format is not a text"
changed 's/"median": 0.8,/"median": "NaN",/' "devices\[0\].sections\[1\].seconds.median is not a number"
changed 's/"median": 0.8,/"median": NaN,/' "is not JSON, or cut short, at line 18 (byte"
changed 's/"median": 0.8,/"median": 1e999,/' "sections\[1\].seconds.median is larger than"
changed 's/"median": 0.8,/"median": 1e-300,/' "sections\[1\].seconds.median is smaller than"
changed 's/"median": 0.8,/"median": -0.8,/' "sections\[1\].seconds.median is negative"
changed 's/"median": 0.8,/"median": 0.9,/' "sections\[1\].seconds has a median that is not between"
changed 's/"n": 5}/"n": 5.5}/' "gflops.n is not a whole number"
changed 's/"batch": 1,/"batch": 0,/' "devices\[0\].sections\[2\].batch is not a whole number from 1"
changed 's/"batch": 1,/"batch": null,/' "devices\[0\].sections\[2\].batch is not a whole number from 1"
changed 's/"name": "train"/"name": ""/' "devices\[0\].sections\[0\].name is missing"
changed 's/"name": "cpu:0", //' "devices\[0\].name is missing"
changed 's/"title": "Processor One"/"title": ["x"]/' "devices\[0\].title is not a text"
changed 's/"tuned": false/"tuned": 0/' "devices\[0\].tuned is not true or false"
changed 's/"notes": \[\]/"notes": [1]/' "devices\[0\].notes\[0\] is not a text"
changed 's/"notes": \[\]/"notes": {}/' "devices\[0\].notes is not an array"
changed 's/"op": "maxpool"/"op": null/' "devices\[0\].ops\[0\].op is missing"
changed 's/"places": 12/"places": {}/' "devices\[0\].ops\[2\].places is not a number"

say() {
    printf '%s' "$1" >bad.json
    refused "$2"
}
say '' "is empty"
say '   ' "is empty"
say 'thaw' "is not JSON"
say '[]' "is an array of 0 measurements: 1 to 64"
say "[$(yes '{},' | head -64)1]" "is an array of 65 measurements"
say '3' "is not a JSON object"
say '{"format": "thaw-bench/1"}' "devices names no device"
say '{"format": "thaw-bench/1", "devices": []}' "devices names no device"
say '{"format": "thaw-bench/1", "devices": {}}' "devices is not an array"
say '{"format": "thaw-bench/1", "devices": [3]}' "devices\[0\] is not an object"
say '{"format": "thaw-bench/1", "devices": [{"name": "x"}]} and more' "is not JSON"
say '{"format": "thaw-bench/1", "options": [], "devices": [{"name": "x"}]}' "options is not an object"
printf '{"format": "thaw-bench/1", "\377": 1}' >bad.json
refused "is not UTF-8 text at byte"
printf '{"format": "thaw-bench/1"}\0{' >bad.json
refused "is not UTF-8 text at byte 26"
i=0
while [ $i -lt 200 ]; do printf '[[[[[[[[[['; i=$((i + 1)); done >bad.json
refused "is not JSON"
awk 'BEGIN { print "{\"format\": \"thaw-bench/1\", \"devices\": ["; for (i = 0; i < 65; i++)
    printf "%s{\"name\": \"x\"}", i ? "," : ""; print "]}" }' >bad.json
refused "devices has more than 64 items"
awk 'BEGIN { print "{\"format\": \"thaw-bench/1\", \"devices\": ["; for (i = 0; i < 27; i++)
    printf "%s{\"name\": \"x\"}", i ? "," : ""; print "]}" }' >many.json
run 1 bench --compare many.json
says "more than 26 devices"

# Cut anywhere, it is cut.
size=$(wc -c <"$data/cpu.json")
at=1
while [ "$at" -lt $((size - 2)) ]; do
    head -c "$at" "$data/cpu.json" >bad.json
    refused "cut short\|is empty"
    at=$((at + size / 23))
done

# Of several in a file, the place says which.
say '[{"format": "thaw-bench/1", "devices": [{"name": "x"}]}, 3]' "is not a JSON object"
says "^thaw: bad.json\[1\]: "
say '[[]]' "is not a JSON object"
say '[{"format": "thaw-bench/1", "devices": [{"name": "x"}]}, {"format": "thaw-bench/1", "devices": [{}]}]' \
    "devices\[0\].name is missing"
says "^thaw: bad.json\[1\]: "

mkdir folder
run 1 bench --compare folder
says "folder: is a folder"
run 1 bench --compare nowhere.json
says "nowhere.json: No such file"
run 2 bench --compare
says "no files to compare"
run 1 bench --compare "$data/cpu.json" --baseline B
says "no device has that name or letter; the letters go from A to A"
run 1 bench --compare "$data/cpu.json" --baseline ""
says "no device has that name"
run 1 bench --compare "$data/cpu.json" "$data/cpu.json" --baseline cpu:0
says "2 devices have that name; give a letter, the first is A"
for option in "--html page.html" --no-html "--baseline A"; do
    # shellcheck disable=SC2086
    run 2 bench $option
    says "go with --compare"
done
for option in "--json a.json" "--device cpu:0" "--section head"; do
    # shellcheck disable=SC2086
    run 2 bench --compare "$data/cpu.json" $option
    says "measures nothing"
done
finish
