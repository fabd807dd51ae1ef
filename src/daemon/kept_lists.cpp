#include "daemon/kept_lists.hpp"

#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "crypto/hash.hpp"
#include "x509/crl.hpp"

namespace culvert::daemon {
namespace {

namespace fs = std::filesystem;

std::optional<x509::Crl> signed_list(const ike::FetchRevocation& what, ByteView octets) {
    auto crl = x509::Crl::parse(octets);
    const auto issuer = x509::Certificate::parse(what.request);
    if (!crl || !issuer || !crl->is_signed_by(*issuer)) { return std::nullopt; }
    return std::move(*crl);
}

}  // namespace

std::optional<Bytes> KeptLists::find(const ike::FetchRevocation& what, x509::Time now) const {
    std::ifstream in{file_of(what), std::ios::binary};
    if (!in) { return std::nullopt; }
    Bytes octets{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
    const auto crl = signed_list(what, octets);
    // Without nextUpdate a newer one is always to be had.
    const bool due = !crl || !crl->next_update() || !crl->is_current(now);
    return due ? std::nullopt : std::optional{std::move(octets)};
}

// Whole or not at all: written beside, then renamed.
void KeptLists::keep(const ike::FetchRevocation& what, ByteView octets) const {
    if (!signed_list(what, octets)) { return; }
    std::error_code ignored;
    fs::create_directories(folder_, ignored);
    const fs::path path = file_of(what);
    const fs::path beside = path.string() + ".new";
    {
        std::ofstream out{beside, std::ios::binary | std::ios::trunc};
        const std::string_view text = as_text(octets);
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        if (!out) { return; }
    }
    fs::rename(beside, path, ignored);
}

void KeptLists::forget() const {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

// The authority is part of the name: one that goes over to another key leaves the URL as it is.
fs::path KeptLists::file_of(const ike::FetchRevocation& what) const {
    return folder_ / (to_hex(crypto::hash(crypto::HashAlgorithm::sha2_256,
                                          {as_bytes(what.url), what.request})) +
                      ".crl");
}

}  // namespace culvert::daemon
