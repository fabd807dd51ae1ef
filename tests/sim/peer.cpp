#include "sim/peer.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "ike/wire/message.hpp"

namespace culvert::sim {
namespace {

constexpr std::uint64_t wakes_in_a_row_max = 1000;
// As the user plane has it.
constexpr std::chrono::seconds retired_linger{5};

// Counts what a run met, from the outside: clear notifies on the wire.
void count_notifies(const Bytes& bytes, Tally& tally) {
    const auto message = ike::wire::parse_message(bytes);
    if (!message) { return; }
    if (message->header.next_payload == ike::wire::PayloadType::skf) { ++tally["wire_fragments"]; }
    if (message->header.exchange == ike::wire::ExchangeType::ike_intermediate) {
        ++tally["wire_intermediate"];
    }
    for (const auto& payload : message->payloads) {
        const auto* notify = std::get_if<ike::wire::Notify>(&payload);
        if (notify == nullptr) { continue; }
        if (notify->type == ike::wire::NotifyType::ticket_opaque) { ++tally["wire_ticket"]; }
        if (notify->type == ike::wire::NotifyType::multiple_auth_supported) {
            ++tally["wire_rounds"];
        }
        if (notify->type == ike::wire::NotifyType::cookie) { ++tally["wire_cookie"]; }
        if (notify->type == ike::wire::NotifyType::invalid_ke_payload) {
            ++tally["wire_invalid_ke"];
        }
    }
}

}  // namespace

Peer::Peer(std::string name, IpAddress address, ike::ConfigSnapshot config, unsigned engines,
           std::uint64_t seed, const Shared& shared)
    : name_(std::move(name)),
      address_(address),
      shared_(shared),
      random_(seed),
      whims_(seed + 1),
      config_(std::move(config)),
      engine_count_(engines),
      engines_(config_, random_, engines) {
    attach();
}

void Peer::attach() {
    engines_.use_source_lookup(
        [address = address_](const IpAddress&) { return std::optional{address}; });
    shared_.network.attach(address_, [this](ike::Datagram datagram) {
        if (!asleep_) { feed(std::move(datagram)); }
    });
}

void Peer::use_crash_secret() {
    crash_secret_ = true;
    engines_.use_crash_secret(Secret::copy_of(as_bytes("of " + name_)));
}

void Peer::use_leases(std::shared_ptr<ike::Leases> leases) {
    leases_ = std::move(leases);
    engines_.use_leases(leases_);
}

void Peer::move_to(const IpAddress& address) {
    ++shared_.tally["moves"];
    shared_.network.detach(address_);
    address_ = address;
    attach();
    feed(ike::AddressesChanged{{address}});
}

void Peer::restart() {
    ++shared_.tally["restarts"];
    ++life_;
    engines_ = Engines{config_, random_, engine_count_};
    attach();
    installed_.clear();
    addresses_.clear();
    name_servers_.clear();
    armed_.reset();
    for (std::uint64_t id = 1; id <= commands_; ++id) { ended_.emplace(id, Status{}); }
    if (leases_) { engines_.use_leases(leases_); }
    if (crash_secret_) { use_crash_secret(); }
}

void Peer::sleep() {
    ++shared_.tally["sleeps"];
    asleep_ = true;
}

void Peer::wake() {
    if (!asleep_) { return; }
    asleep_ = false;
    carry_out(engines_.tick(now()));
}

void Peer::leap(Duration ahead) {
    ++shared_.tally["leaps"];
    ahead_ += ahead;
    armed_.reset();
    carry_out(engines_.tick(now()));
}

bool Peer::at_rest() const {
    if (asleep_ || engines_.half_open() != 0) { return false; }
    return std::ranges::all_of(engines_.status(now()), [](const ike::IkeSaStatus& sa) {
        const bool children_rest = std::ranges::all_of(sa.children, [](const auto& child) {
            return child.state == ike::ChildState::installed;
        });
        return sa.state == ike::IkeState::established && sa.tasks_active.empty() &&
               sa.tasks_queued.empty() && children_rest;
    });
}

void Peer::complain(std::string what) const {
    shared_.complaints.push_back(fmt::format("{}: {}", name_, what));
}

void Peer::feed(ike::Input input) {
    wakes_in_a_row_ = 0;
    remember(input);
    carry_out(engines_.handle(std::move(input), now()));
}

// FNV-1a over what the engine can tell apart.
void Peer::remember(const ike::Input& input) {
    const auto add = [&](std::uint64_t word) { history_ = (history_ ^ word) * 0x100000001b3U; };
    add(input.index());
    add(static_cast<std::uint64_t>(now().time_since_epoch().count()));
    if (const auto* datagram = std::get_if<ike::Datagram>(&input)) {
        for (const std::uint8_t octet : datagram->bytes) { add(octet); }
    }
    const auto add_names = [&](const auto& command) {
        for (const char letter : command.ike + "/" + command.child) {
            add(static_cast<std::uint8_t>(letter));
        }
    };
    if (const auto* terminate = std::get_if<ike::Terminate>(&input)) { add_names(*terminate); }
    if (const auto* rekey = std::get_if<ike::Rekey>(&input)) { add_names(*rekey); }
}

template <class Command>
std::uint64_t Peer::run(Command command) {
    command.id = ike::CommandId{++commands_};
    if (asleep_) {  // nobody is there to give it
        ended_.emplace(commands_, Status{});
        return commands_;
    }
    ++shared_.tally["commands"];
    feed(std::move(command));
    return commands_;
}

std::uint64_t Peer::initiate(std::string connection, std::string child) {
    return run(ike::Initiate{.connection = std::move(connection), .child = std::move(child)});
}

std::uint64_t Peer::terminate(std::string ike, std::string child) {
    return run(ike::Terminate{.ike = std::move(ike), .child = std::move(child)});
}

std::uint64_t Peer::rekey(std::string ike, std::string child) {
    return run(ike::Rekey{.ike = std::move(ike), .child = std::move(child)});
}

std::uint64_t Peer::reauthenticate(std::string ike) {
    return run(ike::Rekey{.ike = std::move(ike), .reauth = true});
}

std::uint64_t Peer::redirect(std::string ike, const IpAddress& gateway) {
    return run(ike::Redirect{.ike = std::move(ike), .gateway = ike::Identity::of(gateway)});
}

void Peer::carry_out(ike::Actions actions) {
    for (auto& action : actions) { carry_out_one(action); }
    engines_.check_invariants();
    arm();
}

void Peer::carry_out_one(ike::Action& action) {
    std::visit(
        Overloaded{
            [&](ike::Transmit& transmit) {
                if (transmit.datagram.local.address.is_any()) {
                    transmit.datagram.local.address = address_;
                }
                count_notifies(transmit.datagram.bytes, shared_.tally);
                shared_.network.send(std::move(transmit.datagram));
            },
            [&](ike::SendKeepAlive&) { ++shared_.tally["keep_alives"]; },
            // No connection here has culvert_tcp: these worlds have datagrams only.
            [&](ike::OpenStream&) { complain("a TCP stream without culvert_tcp"); },
            [&](ike::KeepStream&) { complain("a TCP stream without culvert_tcp"); },
            [&](ike::CloseStream&) { complain("a TCP stream without culvert_tcp"); },
            [&](ike::InstallChild& install_child) { install(std::move(install_child.sa)); },
            [&](ike::StopSending& stop) {
                const auto found = installed_.find(stop.id);
                if (found == installed_.end()) {
                    complain(
                        fmt::format("StopSending of an SA that is not there: {}", stop.id.value()));
                    return;
                }
                found->second.sending = false;
            },
            [&](ike::RemoveChild& remove) {
                const auto found = installed_.find(remove.id);
                if (found == installed_.end() || found->second.retired) {
                    complain(fmt::format("RemoveChild of an SA that is not there: {}",
                                         remove.id.value()));
                } else if (remove.replaced) {
                    retire(remove.id);
                } else {
                    this->remove(remove.id);
                }
            },
            [&](ike::UpdateEndpoints& update) {
                const auto found = installed_.find(update.id);
                if (found == installed_.end()) {
                    complain("UpdateEndpoints of an SA that is not there");
                    return;
                }
                found->second.sa.local = update.local;
                found->second.sa.remote = update.remote;
                found->second.sa.udp_encap = update.udp_encap;
                found->second.sa.stream = update.stream;
                ++shared_.tally["endpoints_updated"];
            },
            [&](ike::InstallVirtualAddress& install) {
                ++shared_.tally["addresses_installed"];
                if (!addresses_.insert(install.address).second) {
                    complain("a virtual address installed twice");
                }
            },
            [&](ike::RemoveVirtualAddress& remove) {
                if (addresses_.erase(remove.address) == 0) {
                    complain("a virtual address removed that is not there");
                }
            },
            [&](ike::InstallTrap&) { ++shared_.tally["traps"]; },
            [&](ike::UseNameServers& use) {
                ++shared_.tally["name_servers_used"];
                name_servers_.push_back(std::move(use.what));
            },
            [&](ike::ForgetNameServers& forget) {
                const auto found = std::ranges::find(name_servers_, forget.what);
                if (found == name_servers_.end()) {
                    complain("name servers forgotten that were not in use");
                    return;
                }
                name_servers_.erase(found);
            },
            [](ike::FetchRevocation&) {},  // not asked for
            [](ike::ResolveGateway&) {},   // no names here
            [](ike::TellNeighbours&) {},   // engines_ has dealt with it
            [&](ike::CommandDone& done) {
                ++shared_.tally[done.status ? "command_succeeded" : "command_failed"];
                if (done.id.value() == 0 || done.id.value() > commands_) {
                    complain("CommandDone for a command that was never given");
                } else if (!ended_.emplace(done.id.value(), std::move(done.status)).second) {
                    complain(fmt::format("command {} ended twice", done.id.value()));
                }
            },
            [](ike::KeyLog&) {},  // its form is checked where tshark reads it
            [&](ike::Event& event) {
                if (event.kind == ike::EventKind::retransmit) { ++shared_.tally["retransmits"]; }
                if (event.kind == ike::EventKind::peer_dead) { ++shared_.tally["peers_dead"]; }
                if (event.text.ends_with("was restarted")) { ++shared_.tally["restarts_shown"]; }
                if (event.text.find(" redirects us to ") != std::string::npos) {
                    ++shared_.tally["redirected"];
                }
                if (event.kind == ike::EventKind::ike_rekeyed) { ++shared_.tally["ike_rekeyed"]; }
                if (event.kind == ike::EventKind::child_rekeyed) {
                    ++shared_.tally["child_rekeyed"];
                }
                if (event.error) {
                    ++shared_.tally[fmt::format("error_{}", culvert::name(event.error->code))];
                }
                if (shared_.verbose) {
                    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        shared_.schedule.now().time_since_epoch());
                    fmt::print("{:>9} {} {}{}\n", ms.count(), name_, event.text,
                               event.error ? " | " + explain(*event.error) : std::string{});
                }
            },
        },
        action);
}

void Peer::install(ChildSa sa) {
    ++shared_.tally["installed"];
    const bool spi_taken = std::ranges::any_of(installed_, [&](const auto& entry) {
        return entry.second.sa.inbound_spi == sa.inbound_spi;
    });
    if (spi_taken) { complain("two SAs with one inbound SPI"); }
    if (sa.inbound_spi < esp_spi_min || sa.outbound_spi < esp_spi_min) {
        complain("a reserved SPI");
    }
    if (sa.local_ts.empty() || sa.remote_ts.empty()) { complain("an SA without selectors"); }
    const ChildSaId id = sa.id;
    const std::int64_t rank = sa.behind_older ? --hindmost_ : ++newest_;
    InstalledSa entry{.sa = std::move(sa), .rank = rank, .installed_at = now()};
    if (!installed_.emplace(id, std::move(entry)).second) {
        complain(fmt::format("SA {} installed twice", id.value()));
    }
}

void Peer::retire(ChildSaId id) {
    InstalledSa& entry = installed_.at(id);
    entry.sending = false;
    entry.retired = true;
    shared_.schedule.after(retired_linger, [this, id, life = life_] {
        if (life == life_) { installed_.erase(id); }
    });
}

void Peer::remove(ChildSaId id) {
    const ReqId reqid = installed_.at(id).sa.reqid;
    installed_.erase(id);
    const bool served = std::ranges::any_of(installed_, [&](const auto& entry) {
        return entry.second.sa.reqid == reqid && !entry.second.retired;
    });
    if (served) { return; }
    std::erase_if(installed_, [&](const auto& entry) { return entry.second.sa.reqid == reqid; });
}

void Peer::arm() {
    const auto deadline = engines_.next_deadline();
    if (!deadline || armed_ == deadline) { return; }
    armed_ = deadline;
    Instant when = *deadline - ahead_;
    // Woken early now and then: the engine must take it in its stride.
    if (whims_.chance(10)) { when -= std::chrono::milliseconds{1}; }
    shared_.schedule.at(when, [this, deadline] {
        if (armed_ == deadline) { tick(); }  // else a later arm() took its place
    });
}

void Peer::tick() {
    armed_.reset();
    if (asleep_) { return; }
    if (++wakes_in_a_row_ > wakes_in_a_row_max && engines_.next_deadline() <= now()) {
        complain("asks to be woken in the past again and again");
        return;
    }
    const auto before = engines_.next_deadline();
    if (before && *before <= now()) {
        history_ = (history_ ^ static_cast<std::uint64_t>(now().time_since_epoch().count())) *
                   0x100000001b3U;
    }
    carry_out(engines_.tick(now()));
}

void Peer::send_traffic(const std::vector<Peer*>& others) {
    std::map<ReqId, const InstalledSa*> used;
    for (const auto& [id, entry] : installed_) {
        if (!entry.sending) { continue; }
        const auto hard = entry.sa.lifetime.hard_time;
        // As the user plane has it: nothing leaves under an SA whose time is over.
        if (hard.count() > 0 && now() >= entry.installed_at + hard) {
            ++shared_.tally["held_at_the_hard_limit"];
            continue;
        }
        const InstalledSa*& best = used[entry.sa.reqid];
        if (best == nullptr || best->rank < entry.rank) { best = &entry; }
    }
    for (const auto& [reqid, sa] : used) {
        const InstalledSa& entry = *sa;
        const EspSpi spi = entry.sa.outbound_spi;
        const Bytes key = to_bytes(entry.sa.outbound.encryption.reveal());
        shared_.network.carry([this, spi, key, others] {
            for (Peer* const other : others) {
                for (const auto& [their_id, theirs] : other->installed_) {
                    if (other == this || theirs.sa.inbound_spi != spi ||
                        to_bytes(theirs.sa.inbound.encryption.reveal()) != key) {
                        continue;
                    }
                    if (other->asleep_) { return; }
                    ++shared_.tally["packets_opened"];
                    other->feed(ike::InboundSeen{.id = their_id, .at = other->now()});
                    return;
                }
            }
            ++shared_.tally["packets_without_sa"];
            if (shared_.verbose) {
                fmt::print("          {}'s packet under SPI {:08x} found no SA\n", name_,
                           spi.value());
            }
        });
    }
}

void Peer::complain_of_open_commands() const {
    for (std::uint64_t id = 1; id <= commands_; ++id) {
        if (!ended_.contains(id)) { complain(fmt::format("command {} never ended", id)); }
    }
}

void Peer::complain_of_orphans() const {
    std::set<ChildSaId> known;
    for (const auto& ike : engines_.status(now())) {
        if (ike.state != ike::IkeState::established) {
            complain(fmt::format("IKE SA {} is still {} after quiet", ike.unique_id,
                                 ike::name(ike.state)));
        }
        for (const auto& child : ike.children) {
            if (child.state != ike::ChildState::installed) {
                complain(fmt::format("Child SA {} is still {} after quiet", child.unique_id,
                                     ike::name(child.state)));
            }
            known.insert(child.id);
            if (!installed_.contains(child.id)) {
                complain("a Child SA that the plane does not have");
            }
        }
    }
    for (const auto& [id, entry] : installed_) {
        if (!known.contains(id) && !entry.retired) {
            complain("the plane has an SA that the engine forgot");
        }
    }
    if (engines_.half_open() != 0) { complain("half-open IKE SAs are left"); }
    complain_of_name_servers();
}

// They come with a virtual address, and go with it.
void Peer::complain_of_name_servers() const {
    const auto status = engines_.status(now());
    const auto addressed = std::ranges::count_if(
        status, [](const ike::IkeSaStatus& sa) { return !sa.local_vips.empty(); });
    if (static_cast<std::size_t>(addressed) < name_servers_.size()) {
        complain(fmt::format("name servers of {} IKE SAs, and {} have a virtual address",
                             name_servers_.size(), addressed));
    }
}

}  // namespace culvert::sim
