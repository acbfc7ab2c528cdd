# chapters.awk: what the manual says of each declaration, and in which order. One of plugin-manual's three parts.
#
# What no chapter has asked for, a function without a tag and an op whose comment is not regular are errors.

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

# ---- the whole ----------------------------------------------------------------------------------

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
    print "### Orders of an op\n"
    show_enum(enum_with("THAW_OP_EXACT"))
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
