#pragma once
// Which IKE SAs have these identities, this connection, this peer's address: narrows a search down
// to the few that may be meant, among the thousands of a gateway. It goes by hashes, so whoever
// asks looks at what comes out.

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "ike/v2/sa_core.hpp"

namespace culvert::ike::v2 {

class SaIndex {
    using Key = std::uint64_t;
    enum Kind : std::uint8_t { by_identities, by_connection, by_remote, kinds };
    struct Filed;

 public:
    // Those with one key, by our SPI, in no order that says anything. Not to be used any more once
    // the index has changed.
    class Found {
     public:
        class Iterator {
         public:
            using value_type = IkeSpi;
            using difference_type = std::ptrdiff_t;

            Iterator() = default;
            Iterator(const Filed* at, Kind kind) : at_(at), kind_(kind) {}
            IkeSpi operator*() const { return at_->spi; }
            Iterator& operator++() {
                at_ = at_->links[kind_].next;
                return *this;
            }
            Iterator operator++(int) {
                const Iterator before = *this;
                ++*this;
                return before;
            }
            friend bool operator==(const Iterator&, const Iterator&) = default;

         private:
            const Filed* at_ = nullptr;
            Kind kind_{};
        };

        Found(const Filed* first, Kind kind) : first_(first), kind_(kind) {}
        Iterator begin() const { return {first_, kind_}; }
        Iterator end() const { return {nullptr, kind_}; }
        bool empty() const { return first_ == nullptr; }

     private:
        const Filed* first_;
        Kind kind_;
    };

    SaIndex() = default;
    SaIndex(const SaIndex&) = delete;
    SaIndex& operator=(const SaIndex&) = delete;
    SaIndex(SaIndex&&) = delete;
    SaIndex& operator=(SaIndex&&) = delete;
    ~SaIndex() = default;

    // To be said again whenever one of the three may be another.
    void file(const SaCore& sa);
    void remove(IkeSpi local_spi);
    bool is_right_about(const SaCore& sa) const;
    std::size_t size() const { return filed_.size(); }

    Found with_identities(const Identity& local, const Identity& remote) const;
    Found of_connection(std::string_view name) const;
    Found at(const IpAddress& remote) const;

 private:
    using Keys = std::array<Key, kinds>;
    // One of a list, for each kind, of all that have the same key.
    struct Filed {
        struct Link {
            Filed* next = nullptr;
            Filed* previous = nullptr;
        };
        IkeSpi spi;
        Keys keys{};
        std::array<Link, kinds> links{};
    };

    static Keys keys_of(const SaCore& sa);
    Found with(Kind kind, Key key) const;
    void link(Filed& filed, Kind kind);
    void unlink(Filed& filed, Kind kind);

    std::unordered_map<IkeSpi, Filed> filed_;
    std::array<std::unordered_map<Key, Filed*>, kinds> first_;
};

}  // namespace culvert::ike::v2
