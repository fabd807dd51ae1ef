#pragma once
// Looks names up without holding up the loop.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "daemon/config_store.hpp"
#include "daemon/loop.hpp"

namespace culvert::daemon {

class Resolver {
 public:
    struct Answer {
        ResolvedNames addresses;                              // every name that was asked for
        std::map<std::string, std::string, std::less<>> why;  // of those without an address
    };
    using OnAnswer = std::move_only_function<void(Answer)>;

    explicit Resolver(Loop& loop);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    Resolver(Resolver&&) = delete;
    Resolver& operator=(Resolver&&) = delete;
    // A look-up that still runs goes on by itself and is forgotten.
    ~Resolver();

    // Answers on the loop.
    void resolve(std::set<std::string> names, OnAnswer on_answer);

 private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace culvert::daemon
