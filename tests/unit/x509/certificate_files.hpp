#pragma once
// Certificates and keys that the openssl program made for this run of the tests.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

namespace culvert::x509 {

class CertificateFiles {
 public:
    // Made once a process; empty where openssl or bash is missing.
    static const std::filesystem::path& place() {
        static const CertificateFiles files;
        return files.place_;
    }
    // Whether those of a further script beside the first could be made in that place; asked once.
    static bool made_by(const char* script) {
        return !place().empty() && std::system((std::string{"bash "} +
                                                std::filesystem::path{CULVERT_MAKE_CERTIFICATES}
                                                    .replace_filename(script)
                                                    .string() +
                                                " " + place().string())
                                                   .c_str()) == 0;
    }

    CertificateFiles(const CertificateFiles&) = delete;
    CertificateFiles& operator=(const CertificateFiles&) = delete;
    CertificateFiles(CertificateFiles&&) = delete;
    CertificateFiles& operator=(CertificateFiles&&) = delete;

 private:
    CertificateFiles() {
        std::string pattern = (std::filesystem::temp_directory_path() / "culvert-x509-XXXXXX");
        const char* const made = ::mkdtemp(pattern.data());
        if (made == nullptr) { return; }
        root_ = made;
        const std::string command =
            std::string{"bash "} + CULVERT_MAKE_CERTIFICATES + " " + root_.string();
        if (std::system(command.c_str()) == 0) { place_ = root_; }
    }
    ~CertificateFiles() {
        std::error_code ignored;
        if (!root_.empty()) { std::filesystem::remove_all(root_, ignored); }
    }

    std::filesystem::path root_;
    std::filesystem::path place_;
};

inline Bytes file(const std::string& name) {
    std::ifstream in{CertificateFiles::place() / name, std::ios::binary};
    EXPECT_TRUE(in) << name;
    return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

inline Certificate certificate(const std::string& name) {
    auto parsed = Certificate::parse(file(name + ".crt"));
    EXPECT_TRUE(parsed) << name << ": " << explain(parsed.error());
    return std::move(*parsed);
}

// Those of make_lists.sh.
inline bool lists_made() {
    static const bool made = CertificateFiles::made_by("make_lists.sh");
    return made;
}

}  // namespace culvert::x509

#define NEED_CERTIFICATES()                                                    \
    if (culvert::x509::CertificateFiles::place().empty()) {                    \
        GTEST_SKIP() << "the openssl program could not make the certificates"; \
    }
#define NEED_LISTS()                                                    \
    if (!culvert::x509::lists_made()) {                                 \
        GTEST_SKIP() << "the openssl program could not make the lists"; \
    }
