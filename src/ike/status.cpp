#include "ike/status.hpp"

namespace culvert::ike {

std::string_view name(IkeState state) {
    switch (state) {
        case IkeState::created: return "CREATED";
        case IkeState::connecting: return "CONNECTING";
        case IkeState::established: return "ESTABLISHED";
        case IkeState::rekeying: return "REKEYING";
        case IkeState::rekeyed: return "REKEYED";
        case IkeState::deleting: return "DELETING";
        case IkeState::destroying: return "DESTROYING";
    }
    return "DESTROYING";
}

std::string_view name(ChildState state) {
    switch (state) {
        case ChildState::created: return "CREATED";
        case ChildState::routed: return "ROUTED";
        case ChildState::installing: return "INSTALLING";
        case ChildState::installed: return "INSTALLED";
        case ChildState::updating: return "UPDATING";
        case ChildState::rekeying: return "REKEYING";
        case ChildState::rekeyed: return "REKEYED";
        case ChildState::retrying: return "RETRYING";
        case ChildState::deleting: return "DELETING";
        case ChildState::deleted: return "DELETED";
        case ChildState::destroying: return "DESTROYING";
    }
    return "DESTROYING";
}

}  // namespace culvert::ike
