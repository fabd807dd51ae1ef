#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "daemon/daemon.hpp"
#include "daemon/last_words.hpp"
#include "daemon/options.hpp"

int main(int argc, char** argv) {
    culvert::daemon::end_at_once_without_memory();
    try {
        const std::vector<std::string> arguments{argv + (argc > 0 ? 1 : 0), argv + argc};
        const auto parsed = culvert::daemon::parse_options(arguments);
        if (!parsed.options) {
            std::fputs(parsed.usage.text.c_str(), parsed.usage.status == 0 ? stdout : stderr);
            return parsed.usage.status;
        }
        return culvert::daemon::run(*parsed.options);
    } catch (const std::exception& what) {  // no memory, no descriptor
        std::fprintf(stderr, "culvertd: ends: %s\n", what.what());
        return 1;
    }
}
