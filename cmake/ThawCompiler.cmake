# Compiler settings shared by every target.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # POSIX and GCC's vector types
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
if(THAW_WERROR)
    add_compile_options(-Werror)
endif()
# Values must not depend on what a compiler chooses to contract; kernels that want FMA say so.
add_compile_options(-ffp-contract=off)
add_compile_definitions(_GNU_SOURCE)

if(THAW_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
endif()
