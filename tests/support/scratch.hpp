#pragma once
// A folder of this test program alone: other checkouts and builds run the same one at the same
// time.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace culvert::test {

class ScratchFolder {
 public:
    ScratchFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "culvert-test-XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr) { path_ = pattern; }
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) { std::filesystem::remove_all(path_, ignored); }
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ScratchFolder(ScratchFolder&&) = delete;
    ScratchFolder& operator=(ScratchFolder&&) = delete;

    std::string path() const { return path_; }

 private:
    std::string path_;
};

// The path of `name` in it; made on the first call, gone when the program ends.
inline std::string scratch(const std::string& name) {
    static const ScratchFolder folder;
    return folder.path() + "/" + name;
}

}  // namespace culvert::test
