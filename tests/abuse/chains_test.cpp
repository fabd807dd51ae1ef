// Abuse cases C-08 and C-09: what chains and crowds of certificates cost, and what is kept of them.

#include <ctime>

#include <gtest/gtest.h>

#include "abuse/made_certificates.hpp"
#include "certificate_files.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/revocation.hpp"
#include "support/vectors.hpp"
#include "x509/chain.hpp"
#include "x509/limits.hpp"

namespace culvert::x509 {
namespace {

using crypto::KeyType;
using crypto::PublicKey;

TEST(Chains, C08LongChainsCyclesAndCrowdsOfCandidatesEnd) {
    const Made root = make("root", nullptr, 1);
    std::vector<Made> line;
    for (int i = 0; i < 100; ++i) {
        line.push_back(make("below " + std::to_string(i), line.empty() ? &root : &line.back(), 2));
    }
    TrustQuestion ask{
        .leaf = &line.back().certificate, .anchors = {root.certificate}, .now = today()};
    for (const Made& one : line) { ask.intermediates.push_back(one.certificate); }
    EXPECT_FALSE(trust(ask));
    // The first of them has a chain; an authority's certificate is none to sign AUTH with.
    ask.leaf = &line.front().certificate;
    EXPECT_NE(trust(ask).error().received.find("keyUsage"), std::string::npos);

    // Two that certify each other: neither reaches an anchor.
    const Made first = make("first", nullptr, 3);
    const Made second = make("second", nullptr, 4);
    const auto cross = [](const Made& subject, const Made& issuer) {
        const Order order{.common_name = subject.certificate.subject().substr(3),
                          .not_before = today() - std::chrono::hours{1},
                          .not_after = today() + std::chrono::hours{1},
                          .serial = Bytes(16, 5),
                          .authority = true};
        return Certificate::parse(
                   as_bytes(issue(order, subject.key, &issuer.certificate, issuer.key).value()))
            .value();
    };
    const Made leaf = make("leaf", &first, 6);
    TrustQuestion circle{.leaf = &leaf.certificate,
                         .intermediates = {cross(first, second), cross(second, first)},
                         .anchors = {root.certificate},
                         .now = today()};
    EXPECT_FALSE(trust(circle));

    // A thousand of one name, none of which signed the leaf; then the right one beside them.
    const Made real = make("crowd", &root, 7);
    const Made below = make("below the crowd", &real, 8);
    TrustQuestion crowd{.leaf = &below.certificate, .anchors = {root.certificate}, .now = today()};
    for (int i = 0; i < 1000; ++i) {
        crowd.intermediates.push_back(
            make("crowd", &root, static_cast<std::uint8_t>(i)).certificate);
    }
    // By their names they might all be the issuer: not one signature of the thousand is computed
    // for that. (The first time the library takes them apart.)
    EXPECT_FALSE(trust(crowd));
    const auto time_of = [](auto&& work) {
        const std::clock_t start = std::clock();
        work();
        return std::clock() - start;
    };
    const PublicKey key = root.certificate.public_key();
    const Bytes no_signature = test::hex("3006020105020106");
    const auto quarter = time_of([&] {
        for (int i = 0; i < 250; ++i) {
            EXPECT_FALSE(
                key.verify({.key = KeyType::ecdsa}, as_bytes("what is signed"), no_signature));
        }
    });
    EXPECT_LT(time_of([&] { EXPECT_FALSE(trust(crowd)); }), quarter);
    EXPECT_FALSE(Certificate::parse(Bytes(certificate_octets_max * 16 + 1, 0x30)));
}

TEST(Chains, C09WhatIsKeptHasABound) {
    NEED_CERTIFICATES();
    ike::v2::RevocationBook book;
    Bytes answer = file("asked.ocsp");
    Instant now{std::chrono::seconds{1000}};
    for (std::size_t i = 0; i < 2 * ike::v2::ocsp_answers_max; ++i) {
        ike::Actions actions;
        book.ask(
            {{.kind = ike::FetchRevocation::Kind::ocsp, .url = std::to_string(i), .request = {}}},
            ike::IkeSpi{i + 1}, actions);
        ASSERT_EQ(actions.size(), 1U);
        // Another signature each time: what is compared is not what is signed.
        answer.back() = static_cast<std::uint8_t>(i);
        book.take({std::get<ike::FetchRevocation>(actions.front()).id, answer}, now);
    }
    EXPECT_LE(book.answers().size(), ike::v2::ocsp_answers_max);
    const Bytes list = file("middle.crl");
    for (std::size_t i = 0; i < 2 * ike::v2::fetched_crls_max; ++i) {
        ike::Actions actions;
        book.ask({{.kind = ike::FetchRevocation::Kind::crl,
                   .url = std::to_string(i),
                   .request = certificate("middle").der()}},
                 ike::IkeSpi{i + 1}, actions);
        book.take({std::get<ike::FetchRevocation>(actions.front()).id, list}, now);
    }
    EXPECT_EQ(book.crls().size(), 1U);  // one of an authority
}

}  // namespace
}  // namespace culvert::x509
