#include "plane/user/stray_queue.hpp"

#include <algorithm>
#include <utility>

namespace culvert::plane {

bool StrayQueue::give(const Arrival& run) {
    Stray stray{.run = run, .memory = Bytes(ReceiveBuffers::headroom + run.octets.size())};
    std::ranges::copy(run.octets, stray.memory.begin() + ReceiveBuffers::headroom);
    stray.run.octets = MutableByteView{stray.memory}.subspan(ReceiveBuffers::headroom);
    const std::scoped_lock lock{mutex_};
    if (strays_.size() >= stray_runs_max || octets_ + run.octets.size() > stray_octets_max) {
        return false;
    }
    octets_ += run.octets.size();
    strays_.push_back(std::move(stray));
    return true;
}

void StrayQueue::take(const std::function<void(const Arrival&)>& take,
                      const std::function<void()>& done) {
    {
        const std::scoped_lock lock{mutex_};
        taken_.swap(strays_);
        octets_ = 0;
    }
    if (taken_.empty()) { return; }
    for (const Stray& stray : taken_) { take(stray.run); }
    done();
    taken_.clear();
}

}  // namespace culvert::plane
