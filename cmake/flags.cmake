# Compiler and linker settings that every target shares, as the interface
# target hsmime_flags, and hsmime_layer(), which declares one layer.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(hsmime_flags INTERFACE)
target_compile_definitions(hsmime_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(hsmime_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
  -Wwrite-strings -Wvla -Wformat=2 -fstack-protector-strong -fno-omit-frame-pointer
  $<$<BOOL:${HSMIME_WERROR}>:-Werror>)
target_link_options(hsmime_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
if(HSMIME_SANITIZE)
  target_compile_options(hsmime_flags INTERFACE -fsanitize=${HSMIME_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(hsmime_flags INTERFACE -fsanitize=${HSMIME_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  target_compile_definitions(hsmime_flags INTERFACE _FORTIFY_SOURCE=2)
endif()
target_include_directories(hsmime_flags INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
target_link_libraries(hsmime_flags INTERFACE PkgConfig::OPENSSL Threads::Threads)

# hsmime_layer(NAME [lower layer or library ...]): every .c file of the current
# folder becomes the static library hsmime_NAME, which links the layers below.
function(hsmime_layer name)
  file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  add_library(hsmime_${name} STATIC ${files})
  target_link_libraries(hsmime_${name} PUBLIC hsmime_flags ${ARGN})
endfunction()
