#include "ike/eap/type.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace culvert::ike::eap {
namespace {

struct Row {
    Type type;
    std::string_view name;
    std::string_view word;  // empty: no method
};
constexpr std::array rows{Row{Type::identity, "EAP_IDENTITY", ""},
                          Row{Type::notification, "EAP_NOTIFICATION", ""},
                          Row{Type::nak, "EAP_NAK", ""},
                          Row{Type::md5, "EAP_MD5", "md5"},
                          Row{Type::gtc, "EAP_GTC", "gtc"},
                          Row{Type::tls, "EAP_TLS", "tls"},
                          Row{Type::mschapv2, "EAP_MSCHAPV2", "mschapv2"},
                          Row{Type::expanded, "EAP_EXPANDED", ""}};

const Row* row_of(Type type) {
    const auto* const row = std::ranges::find(rows, type, &Row::type);
    return row == rows.end() ? nullptr : row;
}

}  // namespace

std::string to_string(Type type) {
    const Row* row = row_of(type);
    return row == nullptr ? fmt::format("EAP_{}", std::to_underlying(type))
                          : std::string{row->name};
}

std::string to_string(const std::vector<Type>& types) {
    std::string out;
    for (const Type type : types) { out += (out.empty() ? "" : ", ") + to_string(type); }
    return out.empty() ? "none" : out;
}

std::optional<Type> method_of(std::string_view word) {
    for (const Type type : methods()) {
        if (word_of(type) == word) { return type; }
    }
    return std::nullopt;
}

std::string_view word_of(Type type) {
    const Row* row = row_of(type);
    return row == nullptr ? std::string_view{} : row->word;
}

const std::vector<Type>& methods() {
    static const std::vector<Type> all{Type::mschapv2, Type::tls, Type::md5, Type::gtc};
    return all;
}

bool is_mutual(Type type) { return type == Type::tls; }

}  // namespace culvert::ike::eap
