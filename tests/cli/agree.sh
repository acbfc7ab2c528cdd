# agree.sh: the recipe on one device is the recipe on another. Sourced behind lib.sh.
recipe="--weights $fixture/base.safetensors --lr 1e-2,1e-4 --fallback error --quiet"

# trained NAME DEVICE PHOTOS ARGUMENTS…: leaves NAME.safetensors, NAME.jsonl and the predictions, NAME.csv.
trained() {
    name=$work/$1 device=$2 photos=$3
    shift 3
    # shellcheck disable=SC2086
    run 0 train "$photos" -o "$name.safetensors" $recipe --device "$device" --log-steps "$name.jsonl" "$@"
    run 0 predict -m "$name.safetensors" "$fixture/new" --device "$device" --csv "$name.csv" --fallback error --quiet
}

losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$1"; }
# Only what is a fraction: the columns before are names.
fractions() { tr ',' '\n' <"$1" | grep '^[0-9.e+-]*$'; }

# near WHAT A B RELATIVE: two columns of numbers, equally long and nowhere further apart than 1e-3.
near() {
    paste "$2" "$3" | awk -v what="$1" -v relative="$4" '
        NF != 2 { bad = "one of them has fewer numbers"; exit }
        {
            d = $1 - $2; if (d < 0) d = -d
            if (relative) d /= $1 < 0 ? -$1 : $1
            if (!(d <= worst)) worst = d
            if (!(d <= 1e-3) && !bad) bad = "number " NR ": " $1 " and " $2
        }
        END {
            if (!NR) bad = "no numbers"
            printf "%s: %d numbers, worst difference %.2g\n", what, NR, worst
            if (bad) { print "FAILED: " bad; exit 1 }
        }' || failures=$((failures + 1))
}

# agree A B
agree() {
    for n in "$1" "$2"; do
        losses "$work/$n.jsonl" >"$work/$n.losses"
        fractions "$work/$n.csv" >"$work/$n.fractions"
    done
    near "losses of $1 and $2" "$work/$1.losses" "$work/$2.losses" 1
    near "predictions of $1 and $2" "$work/$1.fractions" "$work/$2.fractions" ""
}
