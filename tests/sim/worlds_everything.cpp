// Up to 50 peers around a gateway, some of them also among each other, each connection with
// whatever chance turned on; meanwhile the network loses, repeats and reorders, NATs forget, hosts
// crash, sleep, move and are cut off, clocks leap. Afterwards both ends of whatever is there agree,
// and every tunnel can be had again.

#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sim/builders.hpp"
#include "sim/worlds.hpp"

namespace culvert::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view ike_words = "aes256gcm16-prfsha384-x25519-ecp256";
constexpr std::string_view intermediate_words = "aes256gcm16-prfsha384-x25519-ke1_ecp256";
constexpr seconds span{240};

// Of one pair of peers; both ends are told the same.
struct Pair {
    unsigned client = 0;
    unsigned server = 0;
    bool behind_nat = false;  // the client
    bool moves = false;       // the client
    bool virtual_address = false;
    bool ppk = false;
    bool pfs = false;
    bool rounds = false;        // the client proves two things
    bool eap = false;           // the client proves itself by a password
    bool intermediate = false;  // another key exchange before IKE_AUTH
    bool transport = false;     // instead of tunnels

    // Who gives addresses, or does not know the password, cannot begin.
    bool client_begins() const { return virtual_address || eap; }
};

IpAddress outside_of(unsigned peer) { return IpAddress::v4(0xc0000200U + peer); }  // 192.0.2.x

ike::Identity ppk_id_of(const Pair& pair) {
    return must(ike::Identity::parse(fmt::format("ppk{}.sim", pair.client)));
}

ike::Identity second_id_of(const Pair& pair) {
    return must(ike::Identity::parse(fmt::format("user{}@sim", pair.client)));
}

template <class T, std::size_t N>
T one_of(Simulation& sim, const std::array<T, N>& choices) {
    return choices.at(sim.random().below(N));
}

// What need not be the same at both ends.
void whatever_chance_turns_on(Simulation& sim, ike::Connection& connection, bool client) {
    using ike::StartAction;
    const auto chance = [&](unsigned percent) { return sim.random().chance(percent); };
    if (chance(40)) {
        connection.rekey_time = seconds{40 + sim.random().below(200)};
        connection.rand_time = seconds{sim.random().below(20)};
        connection.over_time = seconds{30};
    }
    if (chance(10)) { connection.reauth_time = seconds{60 + sim.random().below(200)}; }
    connection.fragmentation =
        one_of(sim, std::array{ike::Fragmentation::yes, ike::Fragmentation::yes,
                               ike::Fragmentation::accept, ike::Fragmentation::no});
    connection.childless = one_of(sim, std::array{ike::Childless::allow, ike::Childless::allow,
                                                  ike::Childless::prefer, ike::Childless::never});
    // What it can is said before it knows who asks: the same for all.
    if (!client) { connection.childless = ike::Childless::allow; }
    connection.unique = one_of(sim, std::array{ike::Unique::no, ike::Unique::no,
                                               ike::Unique::replace, ike::Unique::never});
    connection.dpd_delay = seconds{10 + sim.random().below(40)};
    if (chance(20)) { connection.encap = true; }
    if (chance(40)) { connection.resumption = true; }
    connection.keyingtries = static_cast<unsigned>(1 + sim.random().below(3));
    for (ike::ChildConfig& child : connection.children) {
        if (chance(40)) {
            child.rekey_time = seconds{20 + sim.random().below(100)};
            child.life_time = child.rekey_time + seconds{30};
            child.rand_time = seconds{sim.random().below(10)};
        }
        const std::array actions{StartAction::none, StartAction::none, StartAction::trap,
                                 StartAction::start};
        child.dpd_action = one_of(sim, actions);
        child.close_action = one_of(sim, actions);
    }
}

ike::Connection end_of(Simulation& sim, const Pair& pair, bool client) {
    const unsigned self = client ? pair.client : pair.server;
    const unsigned other = client ? pair.server : pair.client;
    ike::Connection connection =
        make_connection(self, other, pair.intermediate ? intermediate_words : ike_words);
    const bool wanders = pair.moves || pair.behind_nat;
    if (wanders && !client) { connection.remote_addrs.clear(); }
    if (pair.moves && client) { connection.local_addrs.clear(); }
    connection.mobike = pair.moves || (!pair.behind_nat && sim.random().chance(50));
    if (pair.ppk) {
        connection.ppk_id = ppk_id_of(pair);
        connection.ppk_required = true;
    }
    if (pair.eap) {
        ike::AuthConfig& by_password = client ? connection.local : connection.remote;
        by_password.method = ike::AuthMethodKind::eap;
        by_password.eap_methods = {ike::eap::Type::mschapv2};
    }
    if (pair.rounds) {
        auto& more = client ? connection.local_more : connection.remote_more;
        more.push_back({.method = ike::AuthMethodKind::psk, .id = second_id_of(pair)});
        // The password in the first round, or in the second.
        if (pair.eap && pair.client % 2 == 0) {
            ike::AuthConfig& first = client ? connection.local : connection.remote;
            std::swap(first, more.front());
            std::swap(first.id, more.front().id);
        }
    }
    for (std::size_t i = 0; i < connection.children.size(); ++i) {
        ike::ChildConfig& child = connection.children[i];
        if (pair.pfs) {
            child.proposals =
                must(ike::parse_proposals(ike::ProtocolId::esp, "aes256gcm16-x25519-ecp256"));
        }
        if (pair.transport) {
            child.mode = ike::ChildMode::transport;
            const auto one_port = selector(fmt::format("0.0.0.0/0[tcp/{}]", 80 + i));
            child.local_ts = {{.dynamic = true, .selector = one_port.selector}};
            child.remote_ts = child.local_ts;
        }
        if (!pair.virtual_address) { continue; }
        const ike::SelectorConfig dynamic{.dynamic = true, .selector = {}};
        const auto net = selector(fmt::format("10.200.{}.0/24", i));
        child.local_ts = {client ? dynamic : net};
        child.remote_ts = {client ? net : dynamic};
    }
    if (pair.virtual_address && client) { connection.vips = {IpAddress::any(IpFamily::v4)}; }
    if (pair.virtual_address && !client) { connection.pools = {"pool"}; }
    whatever_chance_turns_on(sim, connection, client);
    // The other asks for its own address (RFC 7296 2.19), and says who it is by itself.
    for (ike::ChildConfig& child : connection.children) {
        if (client || !pair.client_begins()) { continue; }
        child.dpd_action = ike::StartAction::none;
        child.close_action = ike::StartAction::none;
    }
    if (pair.client_begins() && !client) { connection.reauth_time = seconds{0}; }
    return connection;
}

unsigned how_many(Simulation& sim) {
    const auto kind = sim.random().below(100);
    if (kind < 70) { return static_cast<unsigned>(2 + sim.random().below(4)); }
    if (kind < 95) { return static_cast<unsigned>(6 + sim.random().below(10)); }
    return static_cast<unsigned>(16 + sim.random().below(35));
}

std::vector<Pair> pick_pairs(Simulation& sim, unsigned peers) {
    std::vector<Pair> pairs;
    for (unsigned client = 1; client < peers; ++client) {
        pairs.push_back({.client = client,
                         .server = 0,
                         .behind_nat = sim.random().chance(25),
                         .moves = false,
                         .virtual_address = sim.random().chance(25),
                         .ppk = sim.random().chance(15),
                         .pfs = sim.random().chance(40)});
        pairs.back().rounds = !pairs.back().ppk && sim.random().chance(20);
        pairs.back().eap = !pairs.back().ppk && sim.random().chance(25);
        pairs.back().moves = !pairs.back().behind_nat && sim.random().chance(20);
        pairs.back().intermediate = sim.random().chance(20);
        const bool stays = !pairs.back().behind_nat && !pairs.back().moves;
        pairs.back().transport = stays && !pairs.back().virtual_address && sim.random().chance(20);
    }
    const std::size_t spokes = pairs.size();
    for (std::size_t i = 0; i + 1 < spokes; ++i) {
        const bool fixed = !pairs[i].behind_nat && !pairs[i].moves && !pairs[i + 1].behind_nat &&
                           !pairs[i + 1].moves;
        if (!fixed || !sim.random().chance(20)) { continue; }
        pairs.push_back({.client = pairs[i].client,
                         .server = pairs[i + 1].client,
                         .pfs = sim.random().chance(40),
                         .intermediate = sim.random().chance(20),
                         .transport = sim.random().chance(20)});
    }
    return pairs;
}

void add_peers(Simulation& sim, unsigned peers, const std::vector<Pair>& pairs) {
    sim.use_several_engines();
    std::vector<ike::Config> configs(peers);
    for (ike::Config& config : configs) {
        config.settings = impatient();
        config.settings.make_before_break = sim.random().chance(50);
        if (sim.random().chance(20)) { config.settings.cookie_threshold = 1; }
        // Small enough that even messages without certificates are cut.
        if (sim.random().chance(30)) {
            config.settings.fragment_size =
                static_cast<std::uint16_t>(200 + sim.random().below(300));
        }
        config.pools = {{.name = "pool",
                         .addresses = *IpRange::parse("10.201.0.1-10.201.0.200"),
                         .attributes = {{3, {10, 200, 0, 53}}}}};  // a name server
    }
    for (const Pair& pair : pairs) {
        for (const bool client : {true, false}) {
            ike::Config& config = configs[client ? pair.client : pair.server];
            config.connections.push_back(end_of(sim, pair, client));
            config.secrets.push_back(
                make_secret(pair.client, pair.server, fmt::format("of {}", pair.client)));
            if (pair.rounds) {
                ike::SharedSecret secret = make_secret(pair.client, pair.server, "of the second");
                secret.owners.push_back(second_id_of(pair));
                config.secrets.push_back(std::move(secret));
            }
            if (pair.eap) {
                ++sim.tally()[pair.rounds ? "ends_with_eap_in_rounds" : "ends_with_eap"];
                ike::SharedSecret password;
                password.name = "eap";
                password.kind = ike::SecretKind::eap;
                password.owners = {must(ike::Identity::parse(name_of(pair.client))),
                                   second_id_of(pair)};
                password.secret = Secret::copy_of(as_bytes(fmt::format("word {}", pair.client)));
                config.passwords.push_back(std::move(password));
            }
            if (!pair.ppk) { continue; }
            ike::SharedSecret ppk;
            ppk.name = "ppk";
            ppk.owners = {ppk_id_of(pair)};
            ppk.secret = Secret::copy_of(as_bytes(fmt::format("quantum {}", pair.client)));
            config.ppks.push_back(std::move(ppk));
        }
        if (pair.behind_nat) {
            sim.network().put_behind_nat(address_of(pair.client), outside_of(pair.client));
        }
    }
    for (unsigned i = 0; i < peers; ++i) {
        Peer& peer = sim.add_peer(name_of(i), address_of(i), std::move(configs[i]));
        if (sim.random().chance(50)) { peer.use_crash_secret(); }
    }
}

void command_by_chance(Simulation& sim, const Pair& pair) {
    const bool client = pair.client_begins() || sim.random().chance(50);
    Peer& peer = *sim.peers().at(client ? pair.client : pair.server);
    const std::string connection = fmt::format("to{}", client ? pair.server : pair.client);
    const auto what = sim.random().below(9);
    sim.sometime(span, [&peer, connection, what] {
        switch (what) {
            case 0: peer.terminate(connection, ""); return;
            case 1: peer.terminate("", "net"); return;
            case 2: peer.rekey(connection, ""); return;
            case 3: peer.rekey("", "net"); return;
            case 4: peer.rekey("", "second"); return;
            case 5: peer.reauthenticate(connection); return;
            case 6: peer.initiate(connection, "second"); return;
            default: peer.initiate(connection, "net"); return;
        }
    });
}

void fate(Simulation& sim, const Pair& pair, IpAddress next) {
    Peer& peer = *sim.peers().at(sim.random().chance(70) ? pair.client : pair.server);
    switch (sim.random().below(6)) {
        case 0: sim.sometime(span, [&peer] { peer.restart(); }); return;
        case 1: {
            const Duration nap = seconds{5 + sim.random().below(120)};
            sim.sometime(span, [&sim, &peer, nap] {
                peer.sleep();
                sim.schedule().after(nap, [&peer] { peer.wake(); });
            });
            return;
        }
        case 2: {
            const Duration ahead = sim.random().chance(50)
                                       ? Duration{hours{1 + sim.random().below(48)}}
                                       : Duration{seconds{sim.random().below(60)}};
            sim.sometime(span, [&peer, ahead] { peer.leap(ahead); });
            return;
        }
        case 3:
            sim.sometime(
                span, [&sim, address = address_of(pair.client)] { sim.network().rebind(address); });
            return;
        case 4: {
            const Duration cut = seconds{1 + sim.random().below(90)};
            sim.sometime(span, [&sim, &peer, cut] {
                sim.network().split({peer.address()});
                sim.schedule().after(cut, [&sim] { sim.network().split({}); });
            });
            return;
        }
        default:
            if (!pair.moves) { return; }
            sim.sometime(span,
                         [&mover = *sim.peers().at(pair.client), next] { mover.move_to(next); });
            return;
    }
}

// Whatever happened: on a network that is whole again every client gets its tunnel.
void everybody_comes_up(Simulation& sim, const std::vector<Pair>& pairs) {
    std::vector<std::pair<Peer*, std::uint64_t>> asked;
    for (const Pair& pair : pairs) {
        Peer& client = *sim.peers().at(pair.client);
        const std::string connection = fmt::format("to{}", pair.server);
        asked.emplace_back(&client, client.initiate(connection, "net"));
        sim.schedule().run_until(sim.schedule().now() + milliseconds{200});
    }
    sim.schedule().run_until(sim.schedule().now() + minutes{2});
    for (const auto& [client, id] : asked) {
        const auto ended = client->ended().find(id);
        if (ended == client->ended().end()) { continue; }  // is complained of
        if (!ended->second) {
            sim.complain(fmt::format("{} does not get its tunnel on a whole network: {}",
                                     client->name(), explain(ended->second.error())));
        }
        ++sim.tally()["came_up_again"];
    }
    sim.run_until_at_rest();
    sim.check_peers();
}

}  // namespace

void play_everything(Simulation& sim) {
    Conditions conditions = bad(static_cast<unsigned>(sim.random().below(41)));
    conditions.duplicate_percent = static_cast<unsigned>(sim.random().below(20));
    conditions.corrupt_percent = static_cast<unsigned>(sim.random().below(3));
    sim.network().set(conditions);
    const unsigned peers = how_many(sim);
    const std::vector<Pair> pairs = pick_pairs(sim, peers);
    add_peers(sim, peers, pairs);
    sim.tally()["peers"] += peers;
    unsigned moves = 0;
    for (const Pair& pair : pairs) {
        Peer& client = *sim.peers().at(pair.client);
        const std::string connection = fmt::format("to{}", pair.server);
        sim.sometime(seconds{10}, [&client, connection] { client.initiate(connection, "net"); });
        const auto deeds = sim.random().below(6);
        for (std::uint64_t i = 0; i < deeds; ++i) { command_by_chance(sim, pair); }
        const auto fates = sim.random().below(3);
        for (std::uint64_t i = 0; i < fates; ++i) {
            fate(sim, pair, IpAddress::v4(0x0a006400U + ++moves));
        }
    }
    sim.keep_traffic(seconds{3});
    sim.schedule().run_until(sim.schedule().now() + span);
    finish(sim);
    everybody_comes_up(sim, pairs);
}

}  // namespace culvert::sim
