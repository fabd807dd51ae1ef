# Several engines in one gateway, among ourselves and with strongSwan's clients.
interop_test(interop_culvert_engines ${interop_run} culvert culvert engines)
interop_test(interop_culvert_engines_unique ${interop_run} culvert culvert engines_unique)
interop_test(interop_strongswan_engines_unique_r ${interop_run} strongswan culvert engines_unique)
