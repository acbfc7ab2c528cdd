# read.awk: the declarations of plugins/sdk, each with the comment before it or behind it. One of plugin-manual's
# three parts.
#
# kind_of[NAME]: constant, type, enum, struct, handle or function; declared[1 …]: names in their order;
# member[NAME, 1 … n_members[NAME]]: of an enum or a struct; doc, value, type, name_of, prototype: of names and
# members; head[FILE]: a header's first comment.

function complain(text) {
    print "plugin-manual: " text | "cat 1>&2"
    bad = 1
}

function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

FNR == 1 {
    file = FILENAME
    sub(/.*\//, "", file)
    first_comment = 1
    inside = in_comment = statement = pending = type_before = ""
}

{
    rest = $0
    if (trim(rest) == "" && !in_comment) {
        pending = ""
        next
    }
    while (rest != "") {
        if (in_comment) {
            end = index(rest, "*/")
            add_line(end ? substr(rest, 1, end - 1) : rest)
            rest = end ? substr(rest, end + 2) : ""
            if (end) {
                in_comment = ""
                end_comment()
            }
        } else {
            start = index(rest, "/*")
            code = trim(start ? substr(rest, 1, start - 1) : rest)
            if (code != "")
                read_code(code)
            if (start) {
                in_comment = 1
                behind = code != ""
                comment = ""
                lines = 0
            }
            rest = start ? substr(rest, start + 2) : ""
        }
    }
}

# One more line of a comment, without the frame of asterisks; spaces behind " * " stay.
function add_line(text) {
    if (lines)
        sub(/^[ \t]*\*?/, "", text)
    sub(/^ /, "", text)
    sub(/[ \t]+$/, "", text)
    comment = lines ? comment "\n" text : text
    lines++
}

function end_comment() {
    sub(/\n$/, "", comment)
    if (first_comment) {
        head[file] = comment
        first_comment = 0
    } else if (comment ~ /^----/) {
        return
    } else if (behind && last_item != "") {
        doc[last_item] = comment
    } else {
        pending = comment
    }
}

function take_pending(item) {
    if (pending != "")
        doc[item] = pending
    pending = ""
    last_item = item
}

function declare(name, what) {
    kind_of[name] = what
    declared[++n_declared] = name
    take_pending(name)
}

function read_code(code,    word) {
    if (code ~ /^#define THAW_[A-Z0-9_]+[ \t]+[^ \t]/ && code !~ /__/) {
        split(code, word, /[ \t]+/)
        value[word[2]] = substr(code, index(code, word[3]))
        declare(word[2], "constant")
        return
    }
    if (code ~ /^#/ || code ~ /^extern "C"/ || code == "}") {
        return
    }
    statement = statement == "" ? code : statement " " code
    if (inside ~ /^enum/)
        read_enumerator()
    else if (inside != "")
        read_member()
    else
        read_top()
}

function read_top(    name) {
    if (statement !~ /[;{]$/)
        return
    if (statement == "enum {") {
        name = type_before != "" ? type_before : "enum " (++n_enums)
        if (type_before == "")
            declare(name, "enum")
        kind_of[name] = "enum"
        inside = "enum " name
        type_before = ""
    } else if (statement ~ /^typedef struct [a-z_]+ \{$/) {
        split(statement, part, " ")
        declare(part[3], "struct")
        inside = part[3]
    } else if (statement ~ /^typedef struct [a-z_]+ [a-z_]+;$/) {
        split(statement, part, " ")
        declare(part[3], "handle")
    } else if (statement ~ /\(/) {
        name = statement
        sub(/^typedef .*\(\*/, "", name)
        sub(/^.*[ *](thaw_)/, "thaw_", name)
        sub(/[()].*/, "", name)
        prototype[name] = statement
        sub(/^THAW_PLUGIN_EXPORT /, "", prototype[name])
        declare(name, "function")
    } else if (statement ~ /^typedef [a-z0-9_]+ [a-z_]+;$/) {
        split(statement, part, /[ ;]/)
        base[part[3]] = part[2]
        declare(part[3], "type")
        type_before = part[3]
    } else {
        complain(file ": not understood: " statement)
    }
    statement = ""
}

function read_enumerator(    name, item, i, n, part) {
    name = substr(inside, 6)
    n = split(statement, part, /[,}] */)
    for (i = 1; i <= n; i++) {
        if (part[i] !~ /=/)
            continue
        item = part[i]
        sub(/ *=.*/, "", item)
        item = trim(item)
        sub(/.*= */, "", part[i])
        member[name, ++n_members[name]] = item
        value[item] = trim(part[i])
        take_pending(item)
    }
    if (statement ~ /\};$/)
        inside = ""
    statement = ""
}

function read_member(    item, name) {
    if (statement ~ /^\}/) {
        inside = statement = ""
        return
    }
    if (statement !~ /;$/)
        return
    item = inside "." (n_members[inside] + 1)
    member[inside, ++n_members[inside]] = item
    sub(/;$/, "", statement)
    if (statement ~ /\(\*/) {
        name = statement
        sub(/^[^(]*\(\*/, "", name)
        sub(/\).*/, "", name)
        prototype[item] = statement
    } else {
        name = statement
        # A declaration's names stand behind its last type word: "int32_t n, h, w, c", "const char *id".
        match(name, /[ *][a-z_]+(\[[0-9]+\])?(, [a-z_]+)*$/)
        type[item] = trim(substr(name, 1, RSTART))
        name = trim(substr(name, RSTART + 1))
        size = ""
        if (match(name, /\[[0-9]+\]$/)) {
            size = substr(name, RSTART)
            name = substr(name, 1, RSTART - 1)
        }
        type[item] = type[item] size
    }
    name_of[item] = name
    take_pending(item)
    statement = ""
}
