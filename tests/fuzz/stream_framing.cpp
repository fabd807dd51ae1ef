// A TCP stream of IKE and ESP (RFC 9329): however it is cut, it is the same messages, and what they
// are written as is what they were read from.

#include "plane/stream_framing.hpp"

#include <algorithm>
#include <vector>

#include "fuzz/property.hpp"
#include "plane/demultiplex.hpp"

namespace {

using namespace culvert;
using namespace culvert::plane;

struct Taken {
    std::vector<Bytes> messages;
    bool broken = false;

    bool operator==(const Taken&) const = default;
};

Taken take(ByteView stream, std::size_t piece, bool prefix) {
    StreamReader reader{prefix};
    Taken out;
    while (!stream.empty() && !reader.broken()) {
        const MutableByteView room = reader.room();
        FUZZ_CLAIM(!room.empty());
        const std::size_t count = std::min({piece, room.size(), stream.size()});
        std::copy_n(stream.begin(), count, room.begin());
        stream = stream.subspan(count);
        reader.arrived(count);
        while (const auto message = reader.next()) {
            (void)kind_of_nat_t(*message);
            out.messages.push_back(to_bytes(*message));
        }
    }
    out.broken = reader.broken().has_value();
    return out;
}

}  // namespace

// The first octet says how it is cut and whether a prefix comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) { return 0; }
    const bool prefix = (data[0] & 1U) != 0;
    const std::size_t piece = 1U + (data[0] >> 1U);
    const ByteView stream{data + 1, size - 1};
    const Taken whole = take(stream, stream.size(), prefix);
    FUZZ_CLAIM(take(stream, piece, prefix) == whole);
    Bytes again = prefix ? to_bytes(stream_prefix) : Bytes{};
    for (const Bytes& message : whole.messages) { append_stream_message(again, message, false); }
    if (!whole.messages.empty()) {
        FUZZ_CLAIM(again.size() <= stream.size());
        FUZZ_CLAIM(std::equal(again.begin(), again.end(), stream.begin()));
    }
    return 0;
}
