//! Any plan, any interleaving: the run ends, and what its journal says holds.
