#pragma once
// What was set up in the kernel, written down before it is done, so that the next start can undo
// what a crash left (abuse X-05). The file is locked while a daemon uses it.

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

struct SetUp {
    std::string tun;
    bool tun_is_theirs = false;  // somebody made it beforehand: it stays
    std::string nft_table;
    std::uint32_t table = 0;
    std::uint32_t priority = 0;
    std::uint32_t mark = 0;
    // net.ipv4.conf.all.src_valid_mark as it was, when we changed it.
    std::optional<int> src_valid_mark{};
    // Of the network namespace; what was set up in another one cannot be undone from here, and went
    // with it, most likely.
    std::uint64_t namespace_inode = 0;

    friend bool operator==(const SetUp&, const SetUp&) = default;
};

// One "name value" a line. What cannot be read is nothing: a torn file has been written before
// anything was set up.
std::string to_text(const SetUp& set_up);
std::optional<SetUp> parse_set_up(std::string_view text);

std::uint64_t network_namespace_inode();

class StateFile {
 public:
    // Makes the folder if need be and takes the lock. Fails with address_in_use when another daemon
    // has it, permission or system.
    static Result<StateFile> open(const std::string& folder);

    // What the last owner left undone.
    std::optional<SetUp> left_over() const;
    Status write(const SetUp& set_up) const;
    void clear() const;

 private:
    StateFile(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Status write_text(std::string_view text) const;

    FileDescriptor fd_;
    std::string path_;
};

}  // namespace culvert::plane
