# What every target is compiled with, and the switches of the build.

option(CULVERT_TESTS "build the tests" ON)
option(CULVERT_BENCH "build the micro-benchmarks (needs Google Benchmark)" OFF)
option(CULVERT_FUZZ "build the fuzz targets for libFuzzer (needs clang)" OFF)
option(CULVERT_KEY_LOG "let culvertd write session keys to a file for tshark; never in a release" OFF)
set(CULVERT_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=; empty: none")

find_program(CULVERT_CCACHE ccache)
if(CULVERT_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CULVERT_CCACHE})
endif()

add_library(culvert_options INTERFACE)
target_include_directories(culvert_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(culvert_options INTERFACE
    _GLIBCXX_ASSERTIONS $<$<BOOL:${CULVERT_KEY_LOG}>:CULVERT_KEY_LOG>)
target_compile_options(culvert_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror
    # designated initializers leave members to their defaults on purpose
    -Wno-missing-field-initializers
    # g++ 12 takes the untaken arm of a std::expected or std::optional for uninitialized,
    # and sees overflows in loops over vectors that there are not
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-stringop-overflow>"
    # libstdc++ 12's own stable_sort() uses what it deprecates
    $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
if(CULVERT_SANITIZE)
    target_compile_options(culvert_options INTERFACE
        -fsanitize=${CULVERT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(culvert_options INTERFACE -fsanitize=${CULVERT_SANITIZE})
    # What UBSan looks for at every access to memory, ASan finds as well (null, outside of an object),
    # or cannot be here (no octets are cast to structs, no RTTI is needed). Left out, half the time
    # to compile is saved.
    if(CULVERT_SANITIZE MATCHES "undefined")
        target_compile_options(culvert_options INTERFACE -fno-sanitize=null,alignment,object-size,vptr)
    endif()
    # Asio has fences in its event loop, which GCC's thread sanitizer does not follow: nothing of
    # ours relies on them.
    if(CULVERT_SANITIZE MATCHES "thread")
        target_compile_options(culvert_options INTERFACE "$<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>")
    endif()
endif()

# culvert_test(NAME LABELS l... SOURCES f... LIBS t...): one GoogleTest program, one ctest entry.
function(culvert_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE ${ARG_LIBS} culvert_options GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
        SKIP_RETURN_CODE 77)
endfunction()
