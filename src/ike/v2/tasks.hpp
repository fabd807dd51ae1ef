#pragma once
// What an IKE SA has still to do as initiator of exchanges, and the one exchange in flight.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ike/v2/create_child.hpp"
#include "ike/v2/rekey_ike.hpp"

namespace culvert::ike::v2 {

struct CreateChildTask {
    CreateChild::Wanted wanted;
};
struct RekeyChildTask {
    ChildSaId id{};
    crypto::KeMethod group = crypto::KeMethod::none;
};
struct RekeyIkeTask {
    crypto::KeMethod group = crypto::KeMethod::none;
};
struct DeleteChildTask {
    ChildSaId id{};
    std::string why;
};
// A Child SA that only the peer has: we refused its answer.
struct DeleteSpiTask {
    IpsecProtocol protocol{};
    EspSpi spi{};
};
struct DeleteIkeTask {};
// An empty INFORMATIONAL (liveness, RFC 7296 2.4), or one that tells of an error.
struct InformTask {
    wire::Payloads payloads;
};

// MOBIKE (RFC 4555): the path is now core().local to core().remote...
struct UpdateAddressesTask {};
// ... and is the peer there?
struct ProbePathTask {
    Bytes cookie;
};

struct Task {
    std::variant<CreateChildTask, RekeyChildTask, RekeyIkeTask, DeleteChildTask, DeleteSpiTask,
                 DeleteIkeTask, InformTask, UpdateAddressesTask, ProbePathTask>
        what;
    std::vector<CommandId> commands{};
    Instant not_before{};
    unsigned temporary_failures = 0;
};

// Of the IKE SA, or of the Child SA: "CREATE_CHILD_SA", "DELETE_IKE"..., as list-sas shows it.
std::string_view name(const Task& task);

struct DeletingChildren {
    IpsecProtocol protocol{};
    EspSpi spi{};
    std::optional<ChildSaId> id{};
    std::string why;
};
struct DeletingIke {};
struct Informing {};
struct UpdatingAddresses {
    Endpoint local;
    Endpoint remote;
};
struct ProbingPath {
    Bytes cookie;
    Endpoint local;
    Endpoint remote;
};

struct ActiveExchange {
    std::variant<CreateChild, RekeyIke, DeletingChildren, DeletingIke, Informing, UpdatingAddresses,
                 ProbingPath>
        what;
    Task task;  // that began it
};

}  // namespace culvert::ike::v2
