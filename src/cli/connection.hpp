#pragma once
// The way to the daemon: a blocking socket, and VICI's client on it.

#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "vici/client.hpp"

namespace culvert::cli {

class Connection {
 public:
    // Empty `uri`: the two places where the daemon may listen, in its order. The error says why no
    // daemon answers, and what to do.
    static Result<Connection> open(std::string_view uri);

    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    vici::Client& client();
    // Where it leads to.
    const std::string& uri() const;

 private:
    struct Impl;
    explicit Connection(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::cli
