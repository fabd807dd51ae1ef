#pragma once
// Children with culvert_keep_up: brought up whenever they do not stand, for ever, whatever ended
// them or kept them from coming up; the oftener a try fails, the later comes the next. Only the
// `terminate` command stops that, until `initiate`.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/random.hpp"
#include "daemon/gateway.hpp"
#include "daemon/log.hpp"
#include "daemon/loop.hpp"

namespace culvert::daemon {

class Keeper {
 public:
    // All that is referred to outlives the keeper.
    Keeper(Loop& loop, Log& log, Gateway& gateway, Random& random);

    // From now on; before, nothing is begun.
    void start();
    void stop() { stopped_ = true; }
    // `child` empty: all of the connection; `connection` empty: of whichever has the child.
    void hold(std::string_view connection, std::string_view child);
    void release(std::string_view connection, std::string_view child);

    // How it goes with one; nothing: it is not kept up.
    struct Standing {
        bool held = false;      // by terminate, until initiate
        unsigned failures = 0;  // one after another
        Duration next_try{};    // from now on; of one that has failed and is not being tried
        std::string why;        // of the last failure
    };
    std::optional<Standing> standing(const std::string& connection, const std::string& child) const;

 private:
    struct Kept {
        bool held = false;
        bool trying = false;
        unsigned failures = 0;  // since it stood last
        Instant not_before{};
        std::string why{};
    };
    using Name = std::pair<std::string, std::string>;

    void look();
    void follow_configuration();
    void bring_up(const Name& name);
    void failed(const Name& name, Kept& kept, const Error& error);
    template <class Use>
    void each_meant(std::string_view connection, std::string_view child, Use use);

    Log& log_;
    Gateway& gateway_;
    Random& random_;
    ike::ConfigSnapshot known_;
    std::map<Name, Kept> kept_;
    Timer timer_;
    bool stopped_ = false;
};

}  // namespace culvert::daemon
