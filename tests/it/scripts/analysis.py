"""A script that knows nothing of gateways: whatever is configured, `Client()` finds it."""

import dask.array as da
import dask.dataframe as dd
import pandas as pd
from distributed import Client

client = Client()
values = da.arange(1_000_000, chunks=100_000, dtype="f8")
frame = pd.DataFrame({"key": [n % 3 for n in range(300)], "value": range(300)})
means = dd.from_pandas(frame, npartitions=4).groupby("key").value.mean().compute().sort_index()
workers = {host["name"] for host in client.scheduler_info()["workers"].values()}
print(int((values + values).sum().compute()), [float(mean) for mean in means], len(workers))
