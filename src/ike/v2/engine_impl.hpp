#pragma once
// What an engine is made of. engine.cpp has messages and commands, engine_news.cpp what the shell
// tells of everything else.

#include <optional>
#include <unordered_map>
#include <utility>

#include "ike/engine.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike {

using v2::Environment;
using v2::IkeSa;

class Engine::Impl {
 public:
    Impl(ConfigSnapshot config, Random& random, Share share)
        : state(std::move(config), random, share) {}

    void datagram(const Datagram& datagram, const Environment& env);
    bool may_show_crash_token(const wire::IkeHeader& header, const Environment& env);
    void answer_stranger(const Datagram& datagram, wire::IkeHeader header,
                         const wire::Payloads& payloads, const Environment& env);
    void first_message(const Datagram& datagram, const wire::IkeHeader& header,
                       const Environment& env);
    void news(Input& input, const Environment& env);
    void stream_event(const StreamOpened& opened, const Environment& env);
    void stream_event(const StreamBroken& broken, const Environment& env);
    IkeSa* owner(ChildSaId id, const Environment& env);
    // Forgets IKE SAs that are gone and notes when the others want to be woken.
    void sweep(Actions& actions);
    // So that the neighbours know of this IKE SA.
    void file(const IkeSa& sa);

    v2::EngineState state;
    // What the neighbours know: whether it is established.
    std::unordered_map<IkeSpi, bool> filed;
};

}  // namespace culvert::ike
