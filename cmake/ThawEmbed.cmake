# cmake -DOUT=FILE.c -DFOLDER=DIR "-DSOURCES=a.cl;b.cl" -P ThawEmbed.cmake
# Writes the tables of backends/opencl/source.h: thaw.clh and every source. A line `#include "x.clh"` of a
# source is replaced by that file of FOLDER, because an OpenCL compiler at run time has no folder to look in.
# Everything is done on hexadecimal digits: CMake's lists would split C at each ';' and '['.

file(GLOB headers ${FOLDER}/*.clh)
set(arrays "")
set(rows "")
set(number 0)
foreach(source ${FOLDER}/thaw.clh ${SOURCES})
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

file(WRITE ${OUT} "#include \"backends/opencl/source.h\"\n\n${arrays}"
    "const ocl_source ocl_sources[] = {\n${rows}};\n\nconst size_t ocl_n_sources = ${number};\n")
