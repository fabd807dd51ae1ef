#include "daemon/lease_store.hpp"

#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

namespace culvert::daemon {
namespace {

struct CloseDatabase {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

constexpr const char* schema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 200;"
    "CREATE TABLE IF NOT EXISTS leases ("
    " pool TEXT NOT NULL, address BLOB NOT NULL, id_type INTEGER NOT NULL, id BLOB NOT NULL,"
    " PRIMARY KEY (pool, address)) WITHOUT ROWID;";

Error cannot(std::string_view what, const std::string& path, sqlite3* database) {
    return {.code = ErrorCode::system,
            .wanted = fmt::format("to {} virtual addresses in {}", what, path),
            .received = database == nullptr ? "out of memory" : sqlite3_errmsg(database),
            .remedy =
                "remove the file if it is damaged: peers may then get other addresses than "
                "before"};
}

void bind_octets(sqlite3_stmt* statement, int place, ByteView octets) {
    sqlite3_bind_blob(statement, place, octets.data(), static_cast<int>(octets.size()),
                      SQLITE_TRANSIENT);  // NOLINT(performance-no-int-to-ptr): SQLite's own macro
}

Bytes blob(sqlite3_stmt* statement, int column) {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    return data == nullptr ? Bytes{} : Bytes(data, data + size);
}

}  // namespace

struct LeaseStore::Impl {
    std::string path;
    Database database;
    Statement insert;
};

LeaseStore::LeaseStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LeaseStore::LeaseStore(LeaseStore&&) noexcept = default;
LeaseStore& LeaseStore::operator=(LeaseStore&&) noexcept = default;
LeaseStore::~LeaseStore() = default;

Result<LeaseStore> LeaseStore::open(const std::string& path) {
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(path.c_str(), &raw,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    impl->database.reset(raw);
    if (opened != SQLITE_OK || sqlite3_exec(raw, schema, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return std::unexpected(cannot("keep", path, raw));
    }
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(raw, "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", -1, &statement,
                           nullptr) != SQLITE_OK) {
        return std::unexpected(cannot("keep", path, raw));
    }
    impl->insert.reset(statement);
    return LeaseStore{std::move(impl)};
}

Status LeaseStore::load(ike::LeaseBook& into) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(impl_->database.get(),
                           "SELECT pool, address, id_type, id FROM leases ORDER BY pool, address",
                           -1, &raw, nullptr) != SQLITE_OK) {
        return std::unexpected(cannot("read", impl_->path, impl_->database.get()));
    }
    const Statement statement{raw};
    for (;;) {
        const int step = sqlite3_step(raw);
        if (step == SQLITE_DONE) { return {}; }
        if (step != SQLITE_ROW) {
            return std::unexpected(cannot("read", impl_->path, impl_->database.get()));
        }
        const Bytes name = blob(raw, 0);
        const auto address = IpAddress::from_octets(blob(raw, 1));
        const int type = sqlite3_column_int(raw, 2);
        if (!address || type < 0 || type > 255) { continue; }
        into.restore(std::string(name.begin(), name.end()), *address,
                     {.type = ike::IdType{static_cast<std::uint8_t>(type)}, .data = blob(raw, 3)});
    }
}

Status LeaseStore::keep(const ike::Lease& lease) {
    sqlite3_stmt* const statement = impl_->insert.get();
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, lease.pool.data(), static_cast<int>(lease.pool.size()),
                      SQLITE_TRANSIENT);  // NOLINT(performance-no-int-to-ptr): SQLite's own macro
    bind_octets(statement, 2, lease.address.octets());
    sqlite3_bind_int(statement, 3, std::to_underlying(lease.identity.type));
    bind_octets(statement, 4, lease.identity.data);
    if (sqlite3_step(statement) != SQLITE_DONE) {
        return std::unexpected(cannot("keep", impl_->path, impl_->database.get()));
    }
    return {};
}

}  // namespace culvert::daemon
