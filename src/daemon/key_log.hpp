#pragma once
// Session keys in a file for tshark; builds with CULVERT_KEY_LOG alone have such a thing.

#include <string>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {

class KeyLogFile {
 public:
    // Mode 0600. No file at all with an empty path.
    static Result<KeyLogFile> open(const std::string& path);
    void write(const std::string& line) const;

 private:
    plane::FileDescriptor file_;
};

}  // namespace culvert::daemon
