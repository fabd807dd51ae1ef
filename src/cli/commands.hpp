#pragma once
// The commands of `culvert`, each one function: prints to standard output (errors to standard
// error) and gives the exit status.

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::cli {

// 2 is for wrong usage.
enum class Exit : int { ok = 0, failed = 1, no_daemon = 3 };

struct Common {
    std::string vici;  // URI; empty: where the daemon usually is
    bool json = false;
    bool verbose = false;
    std::int64_t timeout_s = 0;  // of up, down, rekey; 0: as long as it takes
};

// `name`: a child, a connection, or "connection/child".
Exit up(const Common& common, std::string_view name);
Exit down(const Common& common, std::string_view name, bool force);
Exit rekey(const Common& common, std::string_view name);
Exit status(const Common& common);
Exit stats(const Common& common);
Exit reload(const Common& common);
Exit log(const Common& common, bool follow);
Exit version(const Common& common);
// Reads a swanctl.conf without a daemon.
Exit check(const Common& common, const std::string& file);
Exit diagnose(const Common& common, std::string_view name);

}  // namespace culvert::cli
