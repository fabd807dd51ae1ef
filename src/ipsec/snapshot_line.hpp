#pragma once
// What a look-up in a SnapshotTable reads: one line of the cache. Not for others.

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace culvert::ipsec {

constexpr std::size_t snapshot_line_slots = 5;

template <class Item>
struct alignas(64) SnapshotLine {
    std::array<std::uint32_t, snapshot_line_slots>
        tags{};  // hashes; 0: free, and so are all behind it
    std::uint16_t used = 0;
    bool more = false;  // its leaf has items that are in no line
    std::array<Item*, snapshot_line_slots> items{};

    // Those of this hash, a bit each.
    unsigned matching(std::uint32_t hash) const {
        constexpr unsigned all = (1U << snapshot_line_slots) - 1;
#if defined(__SSE2__)
        // The second load reads behind the tags: what is found there is masked away.
        const __m128i wanted = _mm_set1_epi32(static_cast<int>(hash));
        const auto* const at = reinterpret_cast<const __m128i*>(this);
        const __m128i low = _mm_cmpeq_epi32(_mm_load_si128(at), wanted);
        const __m128i high = _mm_cmpeq_epi32(_mm_load_si128(at + 1), wanted);
        return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(low)) |
                                     _mm_movemask_ps(_mm_castsi128_ps(high)) << 4U) &
               all;
#else
        unsigned out = 0;
        for (unsigned i = 0; i < snapshot_line_slots; ++i) {
            out |= (tags[i] == hash ? 1U : 0U) << i;
        }
        return out & all;
#endif
    }
};

}  // namespace culvert::ipsec
