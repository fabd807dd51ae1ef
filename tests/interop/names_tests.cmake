# Peers by name.
interop_test(interop_names ${interop_run} culvert culvert names)
interop_test(interop_names_later ${interop_run} culvert culvert names_later)
