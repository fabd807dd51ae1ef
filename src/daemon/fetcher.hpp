#pragma once
// Fetches CRLs and OCSP responses by HTTP, without holding up the loop; bounded in size, time and
// number. CRLs that their authority signed are kept on disk until they are out of date.

#include <functional>
#include <memory>
#include <string>

#include "daemon/loop.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class Fetcher {
 public:
    using OnAnswer = std::function<void(ike::RevocationFetched)>;

    // `folder` need not be there. Answers on the loop.
    Fetcher(Loop& loop, std::string folder, OnAnswer on_answer);
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;
    Fetcher(Fetcher&&) = delete;
    Fetcher& operator=(Fetcher&&) = delete;
    // What is under way goes on by itself and is forgotten.
    ~Fetcher();

    void fetch(ike::FetchRevocation what);
    // Forgets the lists on disk.
    void flush();

 private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace culvert::daemon
