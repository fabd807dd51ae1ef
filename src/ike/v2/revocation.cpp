#include "ike/v2/revocation.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "crypto/hash.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

Error no_use(std::string received) {
    return {.code = ErrorCode::malformed,
            .wanted = "a list of revoked certificates",
            .received = std::move(received)};
}

template <class T>
void add_bounded(std::vector<T>& into, T one, std::size_t most) {
    if (into.size() >= most) { into.erase(into.begin()); }
    into.push_back(std::move(one));
}

}  // namespace

bool RevocationBook::asked_lately(const RevocationSource& source, Instant now) const {
    const auto found = asked_.find(source);
    return found != asked_.end() && now - found->second.at < revocation_asked_again;
}

std::string RevocationBook::why(const RevocationSource& source) const {
    const auto found = asked_.find(source);
    return found == asked_.end() ? std::string{} : found->second.why;
}

void RevocationBook::ask(const std::vector<RevocationSource>& sources, IkeSpi waiting,
                         Actions& actions) {
    for (const RevocationSource& source : sources) {
        const auto same = std::ranges::find_if(
            under_way_, [&](const auto& entry) { return entry.second == source; });
        std::uint64_t id = same == under_way_.end() ? 0 : same->first;
        if (id == 0) {
            id = numbering_.id(++last_id_);
            under_way_.emplace(id, source);
            actions.emplace_back(FetchRevocation{
                .id = id, .kind = source.kind, .url = source.url, .request = source.request});
        }
        waiting_.emplace(id, waiting);
    }
}

std::vector<IkeSpi> RevocationBook::take(RevocationFetched fetched, Instant now) {
    const auto source = under_way_.extract(fetched.id);
    if (source.empty()) { return {}; }
    const Status kept = keep(source.mapped(), fetched.body);
    if (asked_.size() >= revocation_sources_max) { asked_.clear(); }
    asked_.insert_or_assign(source.mapped(),
                            Asked{.at = now, .why = kept ? "" : kept.error().received});
    std::vector<IkeSpi> out;
    const auto [first, last] = waiting_.equal_range(fetched.id);
    for (auto at = first; at != last; ++at) { out.push_back(at->second); }
    waiting_.erase(first, last);
    std::erase_if(out, [&](IkeSpi spi) {
        return std::ranges::any_of(waiting_,
                                   [&](const auto& entry) { return entry.second == spi; });
    });
    return out;
}

Status RevocationBook::keep(const RevocationSource& source, const Result<Bytes>& body) {
    if (!body) { return std::unexpected(body.error()); }
    if (source.kind == FetchRevocation::Kind::certificate) {
        if (crypto::hash(crypto::HashAlgorithm::sha1, {*body}) != source.request) {
            return std::unexpected(Error{.code = ErrorCode::malformed, .received = "another hash"});
        }
        if (certificates_.size() >= certificates_fetched_max) { certificates_.clear(); }
        certificates_.insert_or_assign(source.request, *body);
        return {};
    }
    if (source.kind == FetchRevocation::Kind::ocsp) {
        auto answer = x509::OcspAnswer::parse(*body);
        if (!answer) { return std::unexpected(std::move(answer).error()); }
        add_bounded(answers_, std::move(*answer), ocsp_answers_max);
        return {};
    }
    return keep_list(source, *body);
}

// What anybody on the way may have sent moves nothing before its signature is seen to be right.
Status RevocationBook::keep_list(const RevocationSource& source, const Bytes& body) {
    auto crl = x509::Crl::parse(body);
    if (!crl) { return std::unexpected(std::move(crl).error()); }
    const auto issuer = x509::Certificate::parse(source.request);
    if (issuer && !x509::may_sign_lists(*issuer)) {
        return std::unexpected(no_use(fmt::format(
            "a list, which {} may not sign (keyUsage without cRLSign)", issuer->to_string())));
    }
    if (!issuer || !crl->is_signed_by(*issuer)) {
        return std::unexpected(no_use(fmt::format("a list that is not signed by {}",
                                                  issuer ? issuer->to_string() : "its authority")));
    }
    if (!crl->is_usable()) {
        return std::unexpected(no_use("a list with a critical extension that we do not know"));
    }
    // Lists of two keys of one name need not say whose they are.
    const auto of_same_key = [&](const x509::Crl& old) { return old.is_signed_by(*issuer); };
    if (std::ranges::any_of(crls_, [&](const x509::Crl& old) {
            return old.is_newer_than(*crl) && old.replaces(*crl) && of_same_key(old);
        })) {
        return std::unexpected(no_use("an older list than we have"));
    }
    std::erase_if(crls_,
                  [&](const x509::Crl& old) { return crl->replaces(old) && of_same_key(old); });
    add_bounded(crls_, std::move(*crl), fetched_crls_max);
    return {};
}

const Bytes* RevocationBook::certificate(const Bytes& hash) const {
    const auto found = certificates_.find(hash);
    return found == certificates_.end() ? nullptr : &found->second;
}

void RevocationBook::forget() {
    certificates_.clear();
    crls_.clear();
    answers_.clear();
    asked_.clear();
}

}  // namespace culvert::ike::v2
