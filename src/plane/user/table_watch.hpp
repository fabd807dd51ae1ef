#pragma once
// Whether a table of nftables is still as it was written: whoever loads rules of his own may flush
// those of everybody (nft flush ruleset, systemctl reload nftables).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace culvert::plane {

class TableWatch {
 public:
    // A table of family inet, in this network namespace. It need not be there.
    static Result<TableWatch> open(std::string table);
    TableWatch(TableWatch&&) noexcept;
    TableWatch& operator=(TableWatch&&) noexcept;
    TableWatch(const TableWatch&) = delete;
    TableWatch& operator=(const TableWatch&) = delete;
    ~TableWatch();

    // Readable when anybody, ourselves included, has changed any table.
    int fd() const;
    // Until the next change.
    void quiet();
    // Another one after every change of the table itself, its chains, rules, sets or their
    // elements, which counting packets is not. Nothing: there is no such table. system: the kernel
    // does not say.
    Result<std::optional<std::uint64_t>> fingerprint();

 private:
    struct Impl;
    explicit TableWatch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::plane
