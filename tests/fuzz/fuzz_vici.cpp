// Any octets as a VICI packet, as a stream from a client, and as load-conn and load-shared. What
// decodes must encode to the same octets.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/assert.hpp"
#include "config/config.hpp"
#include "vici/limits.hpp"
#include "vici/server_session.hpp"

namespace culvert::vici {
namespace {

void run_packet(ByteView octets) {
    const auto packet = decode(octets);
    if (!packet) {
        ASSERT(!explain(packet.error()).empty());
        return;
    }
    const auto again = encode(*packet);
    ASSERT(again.has_value());
    ASSERT(std::ranges::equal(*again, octets));
    config::load_shared(packet->message);
    for (const Entry& entry : packet->message.entries) {
        if (const auto* section = std::get_if<Section>(&entry.element)) {
            config::load_connection(entry.key, *section);
        }
    }
}

// The first octet says into which pieces the stream is cut.
void run_stream(ByteView octets) {
    if (octets.empty()) { return; }
    const std::size_t step = octets[0] + std::size_t{1};
    ServerSession session{{{"a", "version"}, {"log", "list-sa"}}};
    for (ByteView left = octets.subspan(1); !left.empty();) {
        const ByteView piece = left.first(std::min(step, left.size()));
        left = left.subspan(piece.size());
        auto request = session.receive(piece);
        while (request && *request) {
            session.stream("log", (*request)->message);
            session.respond((*request)->message);
            request = session.receive({});
        }
        if (!request) { return; }
        session.raise("list-sa", Message{}.set("a", "b"));
        ASSERT(session.output().size() <= output_queue_max);
    }
}

}  // namespace
}  // namespace culvert::vici

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    culvert::vici::run_packet({data, size});
    culvert::vici::run_stream({data, size});
    return 0;
}
