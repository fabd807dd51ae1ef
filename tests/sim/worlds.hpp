#pragma once
// Worlds that have a file of their own; the list of all is in worlds.cpp.

#include "sim/simulation.hpp"

namespace culvert::sim {

void play_addresses(Simulation& sim);
void play_mobike(Simulation& sim);
void play_everything(Simulation& sim);
void play_redirect(Simulation& sim);

}  // namespace culvert::sim
