#pragma once
// Files for tests: names and texts, with "*" at the end of the last part of a pattern only.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fnmatch.h>

#include "config/tree.hpp"

namespace culvert::config {

class MemoryFiles : public FileSystem {
 public:
    explicit MemoryFiles(std::map<std::string, File> files) : files_(std::move(files)) {}
    MemoryFiles(std::initializer_list<std::pair<const char*, const char*>> texts) {
        for (const auto& [name, text] : texts) { files_[name] = File{.text = text}; }
    }

    Result<File> read(const std::string& path) const override {
        const auto at = files_.find(path);
        if (at == files_.end()) {
            return std::unexpected(Error{.code = ErrorCode::not_found,
                                         .received = "No such file or directory",
                                         .remedy = "create the file, or name another one"});
        }
        return at->second;
    }
    Result<std::vector<std::string>> glob(const std::string& pattern) const override {
        std::vector<std::string> out;
        for (const auto& [name, file] : files_) {
            if (fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0) { out.push_back(name); }
        }
        return out;
    }

 private:
    std::map<std::string, File> files_;
};

}  // namespace culvert::config
