# plugin-manual.awk: the headers of plugins/sdk as Markdown; see plugin-manual.
#
# First every declaration is read with the comment before it or behind it; then the chapters are printed. What
# no chapter has asked for, a function without a tag and an op whose comment is not regular are errors.

function complain(text) {
    print "plugin-manual: " text | "cat 1>&2"
    bad = 1
}

# ---- reading ------------------------------------------------------------------------------------

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

# ---- writing ------------------------------------------------------------------------------------

# Text for Markdown: names become code, and nothing else has a meaning of its own.
function prose(text,    out, i, n, part) {
    n = split(text, part, "`")
    out = ""
    for (i = 1; i <= n; i++)
        out = out (i % 2 ? plain(part[i]) : "`" part[i] "`")
    gsub(/\|/, "\\|", out)
    return out
}

function plain(text,    out, word) {
    out = ""
    while (match(text, /([A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]*|[a-z]+->[a-z_]+)(\.[a-z_]+|->[a-z_]+|\(\))?\*?|\*_V1_SIZE/)) {
        word = substr(text, RSTART, RLENGTH)
        out = out escaped(substr(text, 1, RSTART - 1)) "`" word "`"
        text = substr(text, RSTART + RLENGTH)
    }
    return out escaped(text)
}

function escaped(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/\*/, "\\*", text)
    gsub(/_/, "\\_", text)
    gsub(/<[a-z]/, "\\\\&", text)
    return text
}

# Prints text in lines of at most 118 bytes. None begins with what would make a list of it.
function wrap(text,    i, n, word, line) {
    n = split(text, word, " ")
    line = word[1]
    for (i = 2; i <= n; i++) {
        if (length(line) + 1 + length(word[i]) > 118 && word[i] !~ /^([-+#>]|[0-9]+[.)]$)/) {
            print line
            line = word[i]
        } else {
            line = line " " word[i]
        }
    }
    print line
}

function one_line(text) {
    gsub(/\n */, " ", text)
    return text
}

# A paragraph of a comment: its lead word, if it has one, stands out, and lines that are indented stay as they
# are.
function paragraph(text, bold,    i, n, part, line, lead) {
    lead = ""
    if (bold && match(text, /^[A-Z][A-Za-z ]*\./) && RLENGTH < 24) {
        lead = "**" substr(text, 1, RLENGTH) "**"
        text = substr(text, RLENGTH + 1)
    }
    n = split(text, part, "\n")
    line = ""
    for (i = 1; i <= n; i++) {
        if (part[i] ~ /^  /) {
            if (line != "") {
                wrap(lead prose(line))
                print ""
            }
            if (!listed)
                print "```text"
            lead = line = ""
            listed = 1
            print substr(part[i], 3)
        } else {
            if (listed)
                print "```\n"
            listed = 0
            line = line == "" ? part[i] : line " " part[i]
        }
    }
    if (listed)
        print "```"
    listed = 0
    if (line != "")
        wrap(lead prose(line))
    print ""
}

# The paragraphs of a header's first comment whose lead matches, or with `but` those whose lead does not.
function paragraphs(name, leads, but,    i, n, part, matches) {
    n = split(head[name], part, "\n\n")
    for (i = 2; i <= n; i++) {
        matches = part[i] ~ leads
        if (but ? !matches : matches)
            paragraph(part[i], 1)
    }
}

# What a header is: its first paragraph behind the name, or the second where that is all.
function introduction(name,    part) {
    split(head[name], part, "\n\n")
    sub(/^[a-z_.]*: */, "", part[1])
    return part[1]
}

function used(name) {
    if (!(name in kind_of))
        complain("there is no " name)
    shown[name] = 1
}

function about(name) {
    used(name)
    if (name in doc)
        paragraph(doc[name], 0)
}

function table(columns) {
    print "| " columns " |"
    gsub(/[^|]+/, "---", columns)
    print "|" columns "|"
}

function show_enum(name,    i, item) {
    about(name)
    if (name in base)
        print "An `" base[name] "`.\n"
    table("value | name | meaning")
    for (i = 1; i <= n_members[name]; i++) {
        item = member[name, i]
        print "| " value[item] " | `" item "` | " prose(one_line(doc[item])) " |"
    }
    print ""
}

# Without the suffix of C.
function number_of(name,    text) {
    text = value[name]
    sub(/u$/, "", text)
    return text
}

function show_constant(name) {
    used(name)
    print "| `" name "` | " number_of(name) " | " prose(one_line(doc[name])) " |"
}

function field_doc(item) {
    if (item in doc)
        return prose(one_line(doc[item]))
    if (name_of[item] == "struct_size")
        return "bytes of the struct, as its writer knows it"
    return name_of[item] == "reserved" ? "0" : ""
}

# The fields that are no functions.
function show_fields(name,    i, item, v1, any) {
    for (i = 1; i <= n_members[name]; i++) {
        item = member[name, i]
        if (item in prototype)
            continue
        if (!any++)
            table("type | field | meaning")
        print "| `" type[item] "` | `" name_of[item] "` | " field_doc(item) " |"
    }
    if (any)
        print ""
}

function show_struct(name) {
    print "### " name "\n"
    about(name)
    show_fields(name)
    show_functions(name)
}

function tag_of(text) {
    return match(text, /^\[[a-z-]+\]/) ? substr(text, 1, RLENGTH) : ""
}

function show_function(level, title, item,    tag, text) {
    text = doc[item]
    tag = tag_of(text)
    if (tag == "")
        complain(title ": its comment does not begin with a tag")
    print level " " title "\n"
    print "```c\n" prototype[item] (prototype[item] ~ /;$/ ? "" : ";") "\n```\n"
    wrap("`" tag "` " prose(one_line(trim(substr(text, length(tag) + 1)))))
    print ""
}

function show_functions(name,    i, item) {
    for (i = 1; i <= n_members[name]; i++) {
        item = member[name, i]
        if (item in prototype)
            show_function("####", name_of[item], item)
    }
}

# ---- ops ----------------------------------------------------------------------------------------

# Takes an op's comment apart: sentence[op], field[op, name]. Its fields have one order.
function read_op(op,    i, n, part, name, place, last) {
    n = split(doc[op], part, "\n")
    name = ""
    last = 0
    for (i = 1; i <= n; i++) {
        if (part[i] ~ /^[a-z]+:  *[^ ]/ || part[i] ~ /^=  *[^ ]/) {
            name = part[i]
            sub(/:? .*/, "", name)
            place = index(" in out = pad round edge saved place attr ", " " name " ")
            if (!place || place <= last)
                complain(op ": the field \"" name "\" is unknown or out of order")
            last = place
            sub(/^[a-z=]+:? */, "", part[i])
            field[op, name] = part[i]
        } else if (name == "") {
            sentence[op] = sentence[op] == "" ? part[i] : sentence[op] " " part[i]
        } else {
            sub(/^       /, "", part[i])
            field[op, name] = field[op, name] "\n" part[i]
        }
    }
    n = split("in out = round attr", part, " ")
    for (i = 1; i <= n; i++)
        if (!((op, part[i]) in field))
            complain(op ": the field \"" part[i] "\" is missing")
}

function cell(op, name) {
    return (op, name) in field ? prose(one_line(field[op, name])) : ""
}

function attr_name(op,    text) {
    text = field[op, "attr"]
    sub(/[ ;,].*/, "", text)
    return text == "none" ? "" : "`" text "`"
}

function short(op) {
    sub(/^THAW_OP_/, "", op)
    return op
}

function show_ops(name,    i, n, k, op, label, part) {
    used(name)
    table("kind | op | in | out | in place | attributes")
    for (i = 1; i <= n_members[name]; i++) {
        op = member[name, i]
        if (op == "THAW_OP_KIND_END")
            continue
        read_op(op)
        print "| " value[op] " | [" short(op) "](#" anchor(op) ") | " cell(op, "in") " | " cell(op, "out") " | " \
            cell(op, "place") " | " attr_name(op) " |"
    }
    op = "THAW_OP_KIND_END"
    print "\n`" op "` is " value[op] ", " prose(doc[op]) ".\n"
    n = split("in out pad round edge saved place attr", part, " ")
    split("in;out;padding;arithmetic;odd values;saved;in place;attributes", label, ";")
    for (i = 1; i <= n_members[name]; i++) {
        op = member[name, i]
        if (op == "THAW_OP_KIND_END")
            continue
        print "### " short(op) "\n\n`" op "` = " value[op] ". " prose(sentence[op]) "\n"
        print "```text\n" field[op, "="] "\n```\n"
        table(" | ")
        for (k = 1; k <= n; k++)
            if ((op, part[k]) in field)
                print "| **" label[k] "** | " cell(op, part[k]) " |"
        print ""
    }
}

# As GitHub makes it of a heading.
function anchor(op) {
    return tolower(short(op))
}

# ---- chapters -----------------------------------------------------------------------------------

function enum_with(item,    name, i) {
    for (name in n_members)
        for (i = 1; i <= n_members[name]; i++)
            if (member[name, i] == item)
                return name
    complain("there is no " item)
}

END {
    number = number_of("THAW_ABI_MAJOR") "." number_of("THAW_ABI_MINOR")
    print "<!-- Made by scripts/plugin-manual of the comments in plugins/sdk: change those, not this. -->\n"
    print "# The plugin interface, version " number "\n"
    paragraph("This is the reference of everything that passes between thaw and a compute plugin: the types, the " \
        "functions with their rules, and every op with its exact meaning. How a plugin comes about, from a copy " \
        "of the template to a complete backend, is told in [plugins.md](plugins.md).", 0)
    split("Conventions;Versions and growth;Results and errors;Tensors and ops;What a plugin offers;" \
        "What a device offers;What the host offers;The ops;Attributes;Extensions", chapter, ";")
    for (i = 1; i in chapter; i++) {
        link = tolower(chapter[i])
        gsub(/ /, "-", link)
        print i ". [" chapter[i] "](#" link ")"
    }
    print ""

    print "## Conventions\n"
    paragraphs("thaw_plugin.h", "^Growth", 1)

    print "## Versions and growth\n"
    paragraphs("thaw_plugin.h", "^Growth", 0)
    table("constant | value | meaning")
    show_constant("THAW_ABI_MAJOR")
    show_constant("THAW_ABI_MINOR")
    print ""
    table("struct | bytes in ABI 1.0")
    for (i = 1; i <= n_declared; i++)
        if (declared[i] ~ /_V1_SIZE$/) {
            used(declared[i])
            struct = tolower(declared[i])
            sub(/_v1_size$/, "", struct)
            used(struct)
            print "| `" struct "` | " number_of(declared[i]) " |"
        }
    print ""

    print "## Results and errors\n"
    print "Header: `thaw/thaw_status.h`, " introduction("thaw_status.h") "\n"
    print "### thaw_status\n"
    show_enum("thaw_status")
    show_struct("thaw_error")

    print "## Tensors and ops\n"
    n = split("thaw_dtype thaw_role thaw_precision", part, " ")
    for (k = 1; k <= n; k++) {
        print "### " part[k] "\n"
        show_enum(part[k])
    }
    show_struct("thaw_tensor")
    show_struct("thaw_op")
    show_struct("thaw_slice")
    print "### Alignment\n"
    table("constant | value | meaning")
    show_constant("THAW_MIN_ALIGN")
    print "\n### Handles\n"
    table("type | what it stands for")
    n = split("thaw_device thaw_buffer thaw_stream thaw_event thaw_kernel", part, " ")
    for (k = 1; k <= n; k++) {
        used(part[k])
        print "| `" part[k] "` | " prose(one_line(doc[part[k]])) " |"
    }
    print ""

    print "## What a plugin offers\n"
    used("thaw_plugin_entry")
    used("thaw_plugin_entry_fn")
    show_function("###", "thaw_plugin_entry", "thaw_plugin_entry")
    show_struct("thaw_plugin")

    print "## What a device offers\n"
    print "### Kinds of device\n"
    show_enum(enum_with("THAW_DEVICE_CPU"))
    show_struct("thaw_device_info")
    show_struct("thaw_op_info")
    table("constant | value | meaning")
    show_constant("THAW_ALGO_DEFAULT")
    print ""
    show_struct("thaw_device_ops")

    print "## What the host offers\n"
    show_struct("thaw_host")
    print "### Levels of the log\n"
    show_enum(enum_with("THAW_LOG_ERROR"))
    print "### Tasks\n"
    used("thaw_task_fn")
    show_function("####", "thaw_task_fn", "thaw_task_fn")

    print "## The ops\n"
    print "Header: `thaw/thaw_ops.h`, " introduction("thaw_ops.h") "\n"
    paragraphs("thaw_ops.h", "^How to read", 1)
    table("constant | value | meaning")
    show_constant("THAW_CONV_MAX_OUT")
    show_constant("THAW_ADD_MAX_IN")
    print ""
    show_ops(enum_with("THAW_OP_CONV2D"))

    print "## Attributes\n"
    for (i = 1; i <= n_declared; i++)
        if (declared[i] ~ /_attr$/)
            show_struct(declared[i])

    print "## Extensions\n"
    print "Header: `thaw/thaw_ext.h`, " introduction("thaw_ext.h") "\n"
    paragraphs("thaw_ext.h", "^$", 1)
    for (i = 1; i <= n_declared; i++) {
        if (declared[i] !~ /^THAW_EXT_/)
            continue
        struct = tolower(declared[i])
        sub(/_ext/, "", struct)
        used(declared[i])
        id = value[declared[i]]
        gsub(/"/, "", id)
        print "The id is `" declared[i] "`, \"" id "\":\n"
        show_struct(struct)
    }

    for (i = 1; i <= n_declared; i++)
        if (!(declared[i] in shown))
            complain("no chapter has " declared[i])
    close("cat 1>&2")
    exit bad
}
