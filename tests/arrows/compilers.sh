# compilers.sh: the compilers that headers are tried with. Sourced.
#
# each_compiler FUNCTION: calls FUNCTION LANGUAGE COMPILER, the language being c or c++, for gcc and clang of both;
# says which of them are not here. 1 if there is none for C.
each_compiler() {
    tried=0
    for pair in c:gcc c:clang c++:g++ c++:clang++; do
        language=${pair%%:*}
        compiler=${pair#*:}
        # A clang without a C++ library, as Debian has it without g++, compiles no header of C++.
        if ! command -v "$compiler" >/dev/null 2>&1; then
            echo "no $compiler here: not tried with it"
        elif ! echo "#include <stddef.h>" | "$compiler" -x "$language" -fsyntax-only - 2>/dev/null; then
            echo "$compiler compiles nothing here: not tried with it"
        else
            [ "$language" = c++ ] || tried=$((tried + 1))
            "$1" "$language" "$compiler"
        fi
    done
    [ "$tried" -gt 0 ] || { echo "no C compiler found"; return 1; }
}
