#pragma once
// Which IKE SAs use which TCP stream (RFC 9329): one, but for a rekeyed IKE SA and its successor.

#include <optional>
#include <unordered_map>
#include <vector>

#include "ike/wire/spi.hpp"
#include "ipsec_types/spi.hpp"

namespace culvert::ike::v2 {

class StreamBook {
 public:
    // This IKE SA uses this stream now; zero: none. Gives back the one that nobody uses any more.
    std::optional<StreamId> file(IkeSpi local_spi, StreamId stream);
    std::vector<IkeSpi> users(StreamId stream) const;

 private:
    std::unordered_map<IkeSpi, StreamId> of_;
    std::unordered_map<StreamId, std::vector<IkeSpi>> users_;
};

}  // namespace culvert::ike::v2
