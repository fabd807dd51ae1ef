#pragma once
// What was fetched about the standing of certificates, and what is being fetched, for all IKE SAs.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/instant.hpp"
#include "ike/engine.hpp"
#include "ike/v2/numbering.hpp"
#include "ike/wire/spi.hpp"
#include "x509/crl.hpp"
#include "x509/ocsp.hpp"

namespace culvert::ike::v2 {

// Where the standing of one certificate can be asked.
struct RevocationSource {
    FetchRevocation::Kind kind{};
    std::string url;
    Bytes request;  // as in FetchRevocation

    friend auto operator<=>(const RevocationSource&, const RevocationSource&) = default;
};

class RevocationBook {
 public:
    explicit RevocationBook(Numbering numbering = Numbering{{}}) : numbering_(numbering) {}

    bool on = false;  // somebody fetches

    const std::vector<x509::Crl>& crls() const { return crls_; }
    const std::vector<x509::OcspAnswer>& answers() const { return answers_; }
    // DER, by its SHA-1; null: not fetched.
    const Bytes* certificate(const Bytes& hash) const;
    std::size_t under_way() const { return under_way_.size(); }

    // Whether it was asked a moment ago; then `why` it did no good, if so.
    bool asked_lately(const RevocationSource& source, Instant now) const;
    std::string why(const RevocationSource& source) const;

    // The IKE SA waits for these; what nobody has asked for yet is emitted.
    void ask(const std::vector<RevocationSource>& sources, IkeSpi waiting, Actions& actions);
    // Takes an answer; a list that its authority did not sign, or that is older than one that we
    // have, changes nothing. The IKE SAs that wait for nothing more.
    std::vector<IkeSpi> take(RevocationFetched fetched, Instant now);
    void forget();

 private:
    struct Asked {
        Instant at{};
        std::string why;  // empty: it was of use
    };

    Status keep(const RevocationSource& source, const Result<Bytes>& body);
    Status keep_list(const RevocationSource& source, const Bytes& body);

    std::vector<x509::Crl> crls_;
    std::vector<x509::OcspAnswer> answers_;
    std::map<Bytes, Bytes> certificates_;
    std::map<RevocationSource, Asked> asked_;
    std::map<std::uint64_t, RevocationSource> under_way_;
    std::multimap<std::uint64_t, IkeSpi> waiting_;
    Numbering numbering_;
    std::uint64_t last_id_ = 0;
};

}  // namespace culvert::ike::v2
