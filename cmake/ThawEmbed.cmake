# cmake -DOUT=FILE.c -DINCLUDE=HEADER.h "-DTABLE=TYPE NAME" -DCOUNT=NAME "-DSOURCES=a.cl;b.cl"
#     [-DFOLDER=DIR] -P ThawEmbed.cmake
# Writes `const TYPE NAME[]`, a row {name, text, length} for each source, and `const size_t COUNT`; HEADER declares
# both. A line `#include "x.clh"` of a source is replaced by that file of FOLDER, because an OpenCL compiler at run
# time has no folder to look in. Everything is done on hexadecimal digits: CMake's lists would split C at each
# ';' and '['.

set(headers "")
if(FOLDER)
    file(GLOB headers ${FOLDER}/*.clh)
endif()
set(arrays "")
set(rows "")
set(number 0)
foreach(source ${SOURCES})
    get_filename_component(name ${source} NAME)
    file(READ ${source} text HEX)
    foreach(header ${headers})
        get_filename_component(header_name ${header} NAME)
        string(HEX "#include \"${header_name}\"\n" line)
        file(READ ${header} header_text HEX)
        string(REPLACE "${line}" "${header_text}" text "${text}")
    endforeach()
    string(REGEX REPLACE "(................................)" "\\1\n    " text "${text}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " text "${text}")
    string(APPEND arrays "/* ${name} */\nstatic const unsigned char text_${number}[] = {\n    ${text}};\n\n")
    string(APPEND rows "    {\"${name}\", text_${number}, sizeof text_${number}},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUT} "#include \"${INCLUDE}\"\n\n${arrays}"
    "const ${TABLE}[] = {\n${rows}};\n\nconst size_t ${COUNT} = ${number};\n")
