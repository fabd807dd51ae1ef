#pragma once
// For calls of a library that only fail for want of memory, where no Result could say anything
// else: what was at hand is given up (an exception, which the loops of the daemon catch), and no
// more.

#include <new>

#define MUST(call)                               \
    do {                                         \
        if (!(call)) { throw std::bad_alloc{}; } \
    } while (false)
