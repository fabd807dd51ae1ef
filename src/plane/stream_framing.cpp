#include "plane/stream_framing.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "plane/demultiplex.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

Error no_stream_prefix() {
    return {.code = ErrorCode::malformed,
            .wanted = "IKE over TCP, which begins with the octets IKETCP (RFC 9329 5)",
            .received = "something else",
            .remedy = "only IKE peers should come to this port: see who connects"};
}

Error no_stream_length(std::size_t length) {
    return {.code = ErrorCode::malformed,
            .wanted = "the length of a message, 2 or more (RFC 9329 4.1)",
            .received = fmt::format("{}", length),
            .remedy = "nothing here: the peer's framing of IKE over TCP is broken"};
}

}  // namespace

void append_stream_message(Bytes& out, ByteView message, bool marked) {
    const std::size_t marker = marked ? non_esp_marker_octets : 0;
    const std::size_t length = stream_length_octets + marker + message.size();
    out.push_back(static_cast<std::uint8_t>(length >> 8U));
    out.push_back(static_cast<std::uint8_t>(length));
    out.insert(out.end(), marker, 0);
    append(out, message);
}

MutableByteView StreamReader::room() {
    if (begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size() || filled_) {
        const std::size_t wanted = std::max(stream_read_min, buffer_.size() * 2);
        buffer_.resize(std::min(wanted, stream_read_max));
        filled_ = false;
    }
    return MutableByteView{buffer_}.subspan(end_);
}

void StreamReader::arrived(std::size_t octets) {
    end_ += octets;
    filled_ = end_ == buffer_.size();
}

std::optional<MutableByteView> StreamReader::next() {
    if (broken_ || (prefix_ && !take_prefix())) { return std::nullopt; }
    if (end_ - begin_ < stream_length_octets) { return std::nullopt; }
    const std::size_t length = std::size_t{buffer_[begin_]} << 8U | buffer_[begin_ + 1];
    if (length < stream_length_octets) {
        broken_ = no_stream_length(length);
        return std::nullopt;
    }
    if (end_ - begin_ < length) { return std::nullopt; }
    const auto message = MutableByteView{buffer_}.subspan(begin_ + stream_length_octets,
                                                          length - stream_length_octets);
    begin_ += length;
    return message;
}

// The first octet that is wrong is one too many to wait for the others.
bool StreamReader::take_prefix() {
    const std::size_t there = std::min(end_ - begin_, stream_prefix.size());
    if (!std::equal(stream_prefix.begin(),
                    stream_prefix.begin() + static_cast<std::ptrdiff_t>(there),
                    buffer_.begin() + static_cast<std::ptrdiff_t>(begin_))) {
        broken_ = no_stream_prefix();
        return false;
    }
    if (there < stream_prefix.size()) { return false; }
    begin_ += stream_prefix.size();
    prefix_ = false;
    return true;
}

}  // namespace culvert::plane
