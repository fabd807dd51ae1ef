#include "ike/eap/packet.hpp"

#include <utility>

#include "base/reader.hpp"
#include "base/writer.hpp"

namespace culvert::ike::eap {

Result<Packet> Packet::parse(ByteView message) {
    Reader in{message};
    Packet packet;
    packet.code = Code{in.u8()};
    packet.identifier = in.u8();
    if (in.u16() != message.size()) { in.fail("is not as long as it says"); }
    switch (packet.code) {
        case Code::request:
        case Code::response:
            packet.type = Type{in.u8()};
            packet.data = to_bytes(in.rest());
            break;
        case Code::success:
        case Code::failure: break;
        default: in.fail("has a code that is none of request, response, success, failure");
    }
    return in.finish(std::move(packet), "EAP packet");
}

Bytes Packet::write() const {
    Writer out;
    out.u8(std::to_underlying(code));
    out.u8(identifier);
    out.u16(0);
    if (type) {
        out.u8(std::to_underlying(*type));
        out.bytes(data);
    }
    out.patch_u16(2, static_cast<std::uint16_t>(out.size()));
    return out.take();
}

}  // namespace culvert::ike::eap
