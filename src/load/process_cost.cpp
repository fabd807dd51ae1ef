#include "load/process_cost.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

namespace culvert::load {

std::optional<ProcessCost> cost_of(int pid) {
    ProcessCost cost;
    const std::string folder = fmt::format("/proc/{}", pid);
    std::error_code why;
    bool any = false;
    for (const auto& thread : std::filesystem::directory_iterator(folder + "/task", why)) {
        // schedstat counts nanoseconds; stat would count clock ticks.
        std::ifstream file{thread.path() / "schedstat"};
        std::int64_t ran = 0;
        if (file >> ran) {
            cost.cpu += std::chrono::nanoseconds{ran};
            any = true;
        }
    }
    std::ifstream status{folder + "/status"};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) {
            cost.resident_octets = std::stoull(line.substr(6)) * 1024;
        }
    }
    if (!any) { return std::nullopt; }
    return cost;
}

}  // namespace culvert::load
