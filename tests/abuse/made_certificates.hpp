#pragma once
// Certificates that are made on the spot, as many as wanted.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.hpp"
#include "x509/certificate.hpp"
#include "x509/issue.hpp"

namespace culvert::x509 {

inline Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

struct Made {
    Secret key;
    Certificate certificate;
};
// Of an authority, unless it has names to show. Without an issuer it signs itself.
inline Made make(const std::string& name, const Made* issuer, std::uint8_t serial,
                 std::vector<SubjectAltName> names = {}) {
    Secret key = make_key(crypto::KeyType::ecdsa).value();
    const Order order{.common_name = name,
                      .names = names,
                      .not_before = today() - std::chrono::hours{1},
                      .not_after = today() + std::chrono::hours{1},
                      .serial = Bytes(16, serial),
                      .authority = names.empty()};
    auto made = issue(order, key, issuer == nullptr ? nullptr : &issuer->certificate,
                      issuer == nullptr ? key : issuer->key);
    return {std::move(key), Certificate::parse(as_bytes(made.value())).value()};
}

}  // namespace culvert::x509
