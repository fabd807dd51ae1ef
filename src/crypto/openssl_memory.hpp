#pragma once
// OpenSSL's calls that are given nothing to refuse: what makes them fail is memory alone. Inside
// crypto only.

#include <new>

namespace culvert::crypto {

inline void or_no_memory(bool done) {
    if (!done) { throw std::bad_alloc{}; }
}

}  // namespace culvert::crypto
