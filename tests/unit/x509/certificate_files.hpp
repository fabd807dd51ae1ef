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
    // Whether the programs are there that make them.
    static bool possible() {
        static const bool there =
            std::system("command -v openssl >/dev/null && command -v bash >/dev/null") == 0;
        return there;
    }
    // Made once a process; empty where that failed.
    static const std::filesystem::path& place() {
        static const CertificateFiles files;
        return files.place_;
    }
    // Whether those of a further script beside the first could be made in that place; asked once.
    static bool made_by(const char* script) {
        return !place().empty() &&
               run(std::filesystem::path{CULVERT_MAKE_CERTIFICATES}.replace_filename(script),
                   place());
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
        if (run(CULVERT_MAKE_CERTIFICATES, root_)) { place_ = root_; }
    }
    ~CertificateFiles() {
        std::error_code ignored;
        if (!root_.empty()) { std::filesystem::remove_all(root_, ignored); }
    }

    static std::string quoted(const std::filesystem::path& path) {
        std::string out{"'"};
        for (const char c : path.string()) { out += c == '\'' ? "'\\''" : std::string{c}; }
        return out + "'";
    }
    static bool run(const std::filesystem::path& script, const std::filesystem::path& folder) {
        return std::system(("bash " + quoted(script) + " " + quoted(folder)).c_str()) == 0;
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

#define NEED_CERTIFICATES()                                                       \
    if (!culvert::x509::CertificateFiles::possible()) {                           \
        GTEST_SKIP() << "openssl or bash is not installed, to make certificates"; \
    }                                                                             \
    ASSERT_FALSE(culvert::x509::CertificateFiles::place().empty())                \
        << "make_certificates.sh failed: what it said stands above"
#define NEED_LISTS()     \
    NEED_CERTIFICATES(); \
    ASSERT_TRUE(culvert::x509::lists_made()) << "make_lists.sh failed"
