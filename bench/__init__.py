"""The benchmarks: the engine as users start it, measured from outside. `make bench` runs them."""
