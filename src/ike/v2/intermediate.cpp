#include "ike/v2/intermediate.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/writer.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/key_log.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;

namespace {

// IntAuth_*N = prf(SK_p*N, IntAuth_*N-1 | IntAuth_*NA | IntAuth_*NP) (RFC 9242 3.3.2)
void go_on(Bytes& chain, const crypto::Prf& prf, const Secret& sk_p, ByteView covered) {
    chain = to_bytes(prf(sk_p.reveal(), {chain, covered}).reveal());
}

}  // namespace

void IntermediateChain::cover(const crypto::Prf& prf, const Secret& sk_pi, ByteView request,
                              const Secret& sk_pr, ByteView response) {
    go_on(initiator, prf, sk_pi, request);
    go_on(responder, prf, sk_pr, response);
    ++count;
}

Bytes IntermediateChain::int_auth() const {
    if (count == 0) { return {}; }
    Writer out;
    out.bytes(initiator);
    out.bytes(responder);
    out.u32(count + 1);  // IKE_AUTH_MID: IKE_SA_INIT has the id 0
    return out.take();
}

bool wants_intermediate(const Proposals& proposals) {
    return std::ranges::any_of(proposals, [](const Proposal& proposal) {
        return std::ranges::any_of(proposal.transforms, [](const Transform& transform) {
            return is_additional_ke(transform.type) && transform.id != 0;
        });
    });
}

Result<IntermediateInitiator> IntermediateInitiator::begin(InitResult init,
                                                           const Environment& env) {
    ASSERT(!init.kes_left.empty());
    auto ke = crypto::KeyExchange::create(init.kes_left.front(), env.random());
    if (!ke) { return std::unexpected(std::move(ke).error()); }
    init.kes_left.erase(init.kes_left.begin());
    return IntermediateInitiator{std::move(init), std::move(*ke)};
}

wire::Payloads IntermediateInitiator::request() const {
    wire::Payloads payloads;
    payloads.emplace_back(wire::KeyExchange{.method = ke_.method(), .data = ke_.public_value()});
    return payloads;
}

void IntermediateInitiator::sent(const wire::IkeHeader& header) {
    const wire::Payloads payloads = request();
    covered_ =
        wire::covered_octets(header, wire::first_type(payloads), wire::write_payloads(payloads));
}

IntermediateInitiator::Outcome IntermediateInitiator::handle(const wire::Message& response,
                                                             SaCore& sa, const Environment& env) {
    if (const auto* error = wire::find_error_notify(response.payloads)) {
        return Failed{.error = peer_refused(sa.name(), {}, error->type,
                                            "the key exchange " + to_string(ke_.method()))};
    }
    const auto* ke = wire::find<wire::KeyExchange>(response.payloads);
    if (wire::count<wire::KeyExchange>(response.payloads) != 1 || ke->method != ke_.method()) {
        return Failed{
            .error = bad_payloads(ExchangeType::ike_intermediate,
                                  "one KE of " + to_string(ke_.method()), response.payloads),
            .we_refused = true};
    }
    auto shared = ke_.derive(ke->data);
    if (!shared) { return Failed{.error = std::move(shared).error(), .we_refused = true}; }
    // The keys under which the exchange took place.
    init_.intermediate.cover(sa.prf(), init_.sk_pi, covered_, init_.sk_pr, response.covered);
    take_shared_secret(*shared, sa, init_, env);
    return Done{std::move(init_)};
}

Result<IntermediateAnswer> answer_intermediate(const wire::Payloads& request, InitResult& init,
                                               const Environment& env) {
    const auto refuse = [&](std::string_view wanted) {
        return std::unexpected(bad_payloads(ExchangeType::ike_intermediate, wanted, request));
    };
    if (init.intermediate.count >= intermediate_exchanges_max) { return refuse("IKE_AUTH by now"); }
    const auto kes = wire::count<wire::KeyExchange>(request);
    if (kes == 0) { return IntermediateAnswer{}; }  // what it is for we do not know
    const auto* ke = wire::find<wire::KeyExchange>(request);
    if (init.kes_left.empty()) { return refuse("no KE: all that was agreed on has been"); }
    if (kes != 1 || ke->method != init.kes_left.front()) {
        return refuse("one KE of " + to_string(init.kes_left.front()));
    }
    auto own = crypto::KeyExchange::create(ke->method, env.random());
    auto shared = own ? own->derive(ke->data) : Result<Secret>{std::unexpected(own.error())};
    if (!shared) {
        Error error = std::move(shared).error();
        error.notify = wire::NotifyType::invalid_syntax;
        return std::unexpected(std::move(error));
    }
    init.kes_left.erase(init.kes_left.begin());
    IntermediateAnswer answer{.shared = std::move(*shared)};
    answer.payloads.emplace_back(
        wire::KeyExchange{.method = own->method(), .data = own->public_value()});
    return answer;
}

void take_shared_secret(const Secret& shared, SaCore& sa, InitResult& init,
                        const Environment& env) {
    const ChosenIkeSuite suite = *sa.suite;
    IkeKeys keys = derive_rekeyed_ike_keys(suite, suite.prf, sa.sk_d, shared,
                                           {.ni = init.ni,
                                            .nr = init.nr,
                                            .initiator_spi = sa.initiator_spi(),
                                            .responder_spi = sa.responder_spi()});
    sa.use_keys(suite, keys);
    log_keys(sa, keys, env);
    init.sk_pi = std::move(keys.sk_pi);
    init.sk_pr = std::move(keys.sk_pr);
}

}  // namespace culvert::ike::v2
