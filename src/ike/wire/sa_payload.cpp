// Security Association payload, RFC 7296 3.3: proposals, in them transforms, in them attributes.

#include <utility>

#include "ike/wire/limits.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::wire {
namespace {

// 3.3.1, 3.3.2: whether another substructure of the kind follows.
constexpr std::uint8_t last_substructure = 0;
constexpr std::uint8_t more_proposals = 2;
constexpr std::uint8_t more_transforms = 3;

// 3.3.5: key length, as type and value (AF set).
constexpr std::uint16_t attribute_format_tv = 0x8000;
constexpr std::uint16_t key_length_attribute = attribute_format_tv | 14U;

// 3.3.5. Anything but one Key Length makes the transform one that is never chosen (3.3.6).
void parse_attributes(ByteView attributes, Transform& transform, Reader& outer) {
    Reader in{attributes};
    std::size_t count = 0;
    while (in.more() && count < attributes_max) {
        ++count;
        const std::uint16_t type = in.u16();
        const std::uint16_t value_or_length = in.u16();
        if (type == key_length_attribute && !transform.key_bits) {
            transform.key_bits = value_or_length;
            continue;
        }
        transform.unknown_attributes = true;
        if ((type & attribute_format_tv) == 0) { in.skip(value_or_length); }
    }
    if (in.more()) { in.fail("has more attributes than we take"); }
    if (in.failed()) { outer.fail("has a transform whose attributes end early or are too many"); }
    if (transform.unknown_attributes) { transform.attributes = to_bytes(attributes); }
}

Transform parse_transform(Reader& in, bool last) {
    Transform transform;
    const std::uint8_t more = in.u8();
    if (more != (last ? last_substructure : more_transforms)) {
        in.fail("says wrongly whether a transform is the last");
    }
    in.skip(1);
    const std::size_t length = in.u16();
    if (length < 8) { in.fail("has a transform shorter than its header"); }
    transform.type = TransformType{in.u8()};
    in.skip(1);
    transform.id = in.u16();
    if (!in.failed()) { parse_attributes(in.bytes(length - 8), transform, in); }
    return transform;
}

// `transforms_left`: how many the payload may still have.
Proposal parse_proposal(Reader& in, std::size_t& transforms_left, bool& last) {
    Proposal proposal;
    const std::uint8_t more = in.u8();
    last = more == last_substructure;
    if (!last && more != more_proposals) { in.fail("says wrongly whether a proposal is the last"); }
    in.skip(1);
    const std::size_t length = in.u16();
    if (length < 8) { in.fail("has a proposal shorter than its header"); }
    proposal.number = in.u8();
    proposal.protocol = ProtocolId{in.u8()};
    const std::size_t spi_size = in.u8();
    const std::size_t transforms = in.u8();
    if (transforms > transforms_left) { in.fail("has more transforms than we take"); }
    if (in.failed()) { return proposal; }
    transforms_left -= transforms;
    Reader body = in.sub(length - 8);
    proposal.spi = to_bytes(body.bytes(spi_size));
    for (std::size_t i = 1; i <= transforms && !body.failed(); ++i) {
        proposal.transforms.push_back(parse_transform(body, i == transforms));
    }
    if (body.more()) { body.fail("has a proposal longer than its transforms"); }
    if (body.failed()) { in.fail(body.why()); }
    return proposal;
}

void write_transform(Writer& out, const Transform& transform, bool last) {
    const std::size_t start = out.size();
    out.u8(last ? last_substructure : more_transforms);
    out.u8(0);
    out.u16(0);
    out.u8(std::to_underlying(transform.type));
    out.u8(0);
    out.u16(transform.id);
    if (transform.unknown_attributes) {
        out.bytes(transform.attributes);
    } else if (transform.key_bits) {
        out.u16(key_length_attribute);
        out.u16(*transform.key_bits);
    }
    out.patch_u16(start + 2, static_cast<std::uint16_t>(out.size() - start));
}

void write_proposal(Writer& out, const Proposal& proposal, bool last) {
    const std::size_t start = out.size();
    out.u8(last ? last_substructure : more_proposals);
    out.u8(0);
    out.u16(0);
    out.u8(proposal.number);
    out.u8(std::to_underlying(proposal.protocol));
    out.u8(static_cast<std::uint8_t>(proposal.spi.size()));
    out.u8(static_cast<std::uint8_t>(proposal.transforms.size()));
    out.bytes(proposal.spi);
    for (const Transform& transform : proposal.transforms) {
        write_transform(out, transform, &transform == &proposal.transforms.back());
    }
    out.patch_u16(start + 2, static_cast<std::uint16_t>(out.size() - start));
}

}  // namespace

Result<SecurityAssociation> SecurityAssociation::parse(Reader& in) {
    SecurityAssociation sa;
    std::size_t transforms_left = transforms_total_max;
    bool last = false;
    while (in.more() && !last) {
        sa.proposals.push_back(parse_proposal(in, transforms_left, last));
        if (sa.proposals.size() > proposals_max) { in.fail("has more proposals than we take"); }
    }
    if (!last) { in.fail("has no last proposal"); }
    return in.finish(std::move(sa), "Security Association payload");
}

void SecurityAssociation::write(Writer& out) const {
    for (const Proposal& proposal : proposals) {
        write_proposal(out, proposal, &proposal == &proposals.back());
    }
}

}  // namespace culvert::ike::wire
