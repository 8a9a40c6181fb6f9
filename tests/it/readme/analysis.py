"""What somebody has anyway: a script that says `Client()`, and knows nothing of gateways."""

import dask.array as da
from distributed import Client

client = Client()
points = 10_000_000
x, y = da.random.default_rng(7).random((2, points), chunks=(2, points // 10))
inside = (x**2 + y**2 < 1).mean().compute()
print("points,pi", f"{points},{4 * inside:.3f}", sep="\n")
