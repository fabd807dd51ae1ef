#pragma once
// Lists of revoked certificates on disk, by where they came from and who is to have signed them:
// for as long as they are current.

#include <filesystem>
#include <optional>
#include <string>

#include "ike/engine.hpp"
#include "x509/certificate.hpp"

namespace culvert::daemon {

class KeptLists {
 public:
    // `folder` need not be there.
    explicit KeptLists(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // That of an earlier day, if its authority signed it and no newer one is due yet.
    std::optional<Bytes> find(const ike::FetchRevocation& what, x509::Time now) const;
    // Only what its authority signed: whoever is on the way of what is fetched must not put
    // something there that stays.
    void keep(const ike::FetchRevocation& what, ByteView octets) const;
    void forget() const;

 private:
    std::filesystem::path file_of(const ike::FetchRevocation& what) const;

    std::filesystem::path folder_;
};

}  // namespace culvert::daemon
