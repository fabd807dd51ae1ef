#include "ike/v2/stream_book.hpp"

namespace culvert::ike::v2 {

std::optional<StreamId> StreamBook::file(IkeSpi local_spi, StreamId stream) {
    const auto found = of_.find(local_spi);
    const StreamId before = found == of_.end() ? StreamId{} : found->second;
    if (before == stream) { return std::nullopt; }
    if (stream == StreamId{}) {
        of_.erase(found);
    } else {
        of_.insert_or_assign(local_spi, stream);
        users_[stream].push_back(local_spi);
    }
    if (before == StreamId{}) { return std::nullopt; }
    const auto left = users_.find(before);
    std::erase(left->second, local_spi);
    if (!left->second.empty()) { return std::nullopt; }
    users_.erase(left);
    return before;
}

std::vector<IkeSpi> StreamBook::users(StreamId stream) const {
    const auto found = users_.find(stream);
    return found == users_.end() ? std::vector<IkeSpi>{} : found->second;
}

}  // namespace culvert::ike::v2
