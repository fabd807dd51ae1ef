#pragma once
// The lease book, as several engines and the main thread share it.

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ike/leases.hpp"

namespace culvert::daemon {

class SharedLeases final : public ike::Leases {
 public:
    explicit SharedLeases(std::unique_ptr<ike::LeaseBook> book) : book_(std::move(book)) {}

    std::optional<IpAddress> acquire(const ike::Pool& pool, const ike::LeaseWish& wish,
                                     ike::LeaseFrom from) override {
        const std::scoped_lock lock{mutex_};
        return book_->acquire(pool, wish, from);
    }
    void release(const std::string& pool, const IpAddress& address) override {
        const std::scoped_lock lock{mutex_};
        book_->release(pool, address);
    }
    void moved(const std::string& pool, const IpAddress& address,
               const IpAddress& holder) override {
        const std::scoped_lock lock{mutex_};
        book_->moved(pool, address, holder);
    }

    std::vector<ike::Lease> leases() const {
        const std::scoped_lock lock{mutex_};
        return book_->leases();
    }
    std::size_t online(const std::string& pool) const {
        const std::scoped_lock lock{mutex_};
        return book_->online(pool);
    }
    std::size_t offline(const std::string& pool) const {
        const std::scoped_lock lock{mutex_};
        return book_->offline(pool);
    }

 private:
    mutable std::mutex mutex_;
    std::unique_ptr<ike::LeaseBook> book_;
};

}  // namespace culvert::daemon
