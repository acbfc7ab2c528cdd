# text.awk: the words of a comment as Markdown. One of plugin-manual's three parts.

# Text for Markdown: names become code, and nothing else has a meaning of its own.
function prose(text,    out, i, n, part) {
    n = split(text, part, "`")
    out = ""
    for (i = 1; i <= n; i++)
        out = out (i % 2 ? plain(part[i]) : "`" part[i] "`")
    gsub(/\|/, "\\|", out)
    return out
}

function plain(text,    out, word, name) {
    out = ""
    name = "([A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]*|[a-z]+->[a-z_]+)([.][a-z_]+|->[a-z_]+|[(][)])?[*]?|[*]_V1_SIZE"
    while (match(text, name)) {
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
function paragraph(text, bold,    i, n, part, line, lead, listed) {
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
