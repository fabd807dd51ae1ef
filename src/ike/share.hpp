#pragma once
// Several engines may serve one gateway, each in a thread of its own. Every peer is one engine's:
// by its address at first, and by the SPI and the ids that this engine chose from then on.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/ip.hpp"
#include "ike/connection.hpp"
#include "ike/engine.hpp"

namespace culvert::ike {

// Whose a first message from there is.
unsigned share_of(const IpAddress& remote, unsigned count);
// Whose it is to begin this one.
unsigned share_of(const Connection& connection, unsigned count);
// Whose this input is, of so many; nothing: every engine's. Of Initiate and Acquire InputRoutes
// knows more.
std::optional<unsigned> share_of(const Input& input, unsigned count);

// Who gets which input. What begins something goes where an IKE SA of its connection stands, else
// to the engine that is to begin it.
class InputRoutes {
 public:
    // Whether this engine has an IKE SA of the connection established.
    using Stands = std::function<bool(unsigned share, const std::string& connection)>;

    void use(ConfigSnapshot config) { config_ = std::move(config); }
    // To whom packets of a policy belong.
    void know(ReqId reqid, const std::string& connection) {
        connection_of_.insert_or_assign(reqid, connection);
    }
    // Nothing: every engine gets it.
    std::optional<unsigned> of(const Input& input, unsigned count, const Stands& stands) const;

 private:
    unsigned of_connection(const std::string& connection, unsigned count,
                           const Stands& stands) const;

    ConfigSnapshot config_;
    std::map<ReqId, std::string> connection_of_;
};

}  // namespace culvert::ike
