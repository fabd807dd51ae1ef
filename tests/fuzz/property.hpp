#pragma once
// What a fuzz target claims beside not crashing. A claim that does not hold ends the program, which
// is how libFuzzer and the replay notice.

#include <cstdio>
#include <cstdlib>

#define FUZZ_CLAIM(expression)                                                                   \
    do {                                                                                         \
        if (!(expression)) {                                                                     \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #expression); \
            std::abort();                                                                        \
        }                                                                                        \
    } while (false)
