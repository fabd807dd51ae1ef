#include "x509/bundle.hpp"

#include <utility>

#include "base/reader.hpp"

namespace culvert::x509 {
namespace {

constexpr std::uint8_t sequence = 0x30;
constexpr std::uint8_t certificate_tag = 0xa0;  // [0], explicit
constexpr std::uint8_t list_tag = 0xa1;         // [1], explicit

struct Element {
    std::uint8_t tag = 0;
    ByteView content;
};

// X.690 8.1, 10.1: one octet of tag, a definite length, what is in it.
Element element(Reader& in) {
    constexpr std::uint8_t long_form = 0x80;
    constexpr unsigned length_octets_max = 3;
    const std::uint8_t tag = in.u8();
    std::size_t length = in.u8();
    if (length >= long_form) {
        const std::size_t octets = length - long_form;
        if (octets == 0 || octets > length_octets_max) { in.fail("has a length that is none"); }
        length = 0;
        for (std::size_t i = 0; i < octets && !in.failed(); ++i) { length = length << 8 | in.u8(); }
    }
    return {.tag = tag, .content = in.bytes(length)};
}

}  // namespace

Result<Bundle> parse_bundle(ByteView der) {
    constexpr std::string_view what = "bundle of certificates";
    Reader in{der};
    const Element all = element(in);
    if (all.tag != sequence) { in.fail("is no sequence"); }
    if (auto whole = in.finish(true, what); !whole) { return std::unexpected(whole.error()); }
    Bundle out;
    Reader entries{all.content};
    while (entries.more()) {
        const Element one = element(entries);
        if (one.tag == certificate_tag) {
            auto certificate = Certificate::parse(one.content);
            if (!certificate) { return std::unexpected(std::move(certificate).error()); }
            out.certificates.push_back(std::move(*certificate));
        } else if (one.tag == list_tag) {
            auto list = Crl::parse(one.content);
            if (!list) { return std::unexpected(std::move(list).error()); }
            out.crls.push_back(std::move(*list));
        } else {
            entries.fail("has an entry that is neither a certificate nor a list");
        }
    }
    return entries.finish(std::move(out), what);
}

}  // namespace culvert::x509
