"""The gateway under test. Read by dask-gateway-server; its parameters come in DGW_… variables."""

import json
import os
import sys
from pathlib import Path

from dask_gateway_server.options import Bool, Float, Integer, Mapping, Options, Select, String

c = get_config()  # noqa: F821

# Where schedulers and workers are jobs of a Slurm: its clients, and the home of its user.
SLURM = json.loads(os.environ.get("DGW_SLURM", "null"))

if SLURM:
    c.DaskGateway.backend_class = "dask_gateway_server.backends.jobqueue.slurm.SlurmBackend"
    backend = c.SlurmBackend
    backend.submit_command = SLURM["sbatch"]
    backend.cancel_command = SLURM["scancel"]
    backend.status_command = SLURM["squeue"]
    backend.dask_gateway_jobqueue_launcher = str(
        Path(sys.executable).with_name("dask-gateway-jobqueue-launcher"))
    # The default, but for a home of the tests' own.
    c.SlurmClusterConfig.staging_directory = f"{SLURM['home']}/.dask-gateway/"
elif os.environ.get("DGW_INSTANT"):
    sys.path.append(str(Path(__file__).parent))
    c.DaskGateway.backend_class = "instant.InstantBackend"
    backend = c.InstantBackend
else:
    c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
    backend = c.UnsafeLocalBackend
    backend.clusters_directory = str(Path.cwd() / "clusters")
    backend.inherited_environment = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH"]
    backend.sigint_timeout = 2
    backend.sigterm_timeout = 2
c.DaskGateway.log_format = "%(asctime)s %(levelname)s %(message)s"
c.DaskGateway.address = os.environ["DGW_PRIVATE"]
c.Proxy.address = os.environ["DGW_PROXY"]
c.Proxy.prefix = os.environ.get("DGW_PREFIX", "")
c.Proxy.tls_cert = os.environ.get("DGW_TLS_CERT", "")
c.Proxy.tls_key = os.environ.get("DGW_TLS_KEY", "")

if "DGW_PASSWORD" in os.environ:
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
    c.SimpleAuthenticator.password = os.environ["DGW_PASSWORD"]
elif "DGW_KEYTAB" in os.environ:
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.KerberosAuthenticator"
    c.KerberosAuthenticator.keytab = os.environ["DGW_KEYTAB"]
else:
    c.DaskGateway.authenticator_class = "dask_gateway_server.auth.JupyterHubAuthenticator"

# Straight to the server: the schedulers don't know our private CA.
backend.api_url = f"http://{os.environ['DGW_PRIVATE']}/api"

# The defaults suit a cluster of machines; tests want to see a change within a second or two.
backend.cluster_heartbeat_period = 1
# Instant clusters have one heartbeat.
backend.cluster_heartbeat_timeout = 86400 if os.environ.get("DGW_INSTANT") else 15
backend.cluster_status_period = 1
backend.worker_status_period = 1
backend.check_timeouts_period = 1
backend.cluster_start_timeout = 20 if SLURM else 60

# The server's own default is `dask-scheduler`, a script that distributed no longer has. In full, as
# jobs have a PATH of their own, and an older gateway a Python of its own.
DASK = os.environ["DGW_DASK"]
SCHEDULER = [DASK, "scheduler"]
SLOW = f"import os, sys, time; time.sleep(10); os.execv('{DASK}', {SCHEDULER} + sys.argv[1:])"
SCHEDULER_STARTS = [
    ("normal", SCHEDULER),
    ("slow", [sys.executable, "-c", SLOW]),
    ("never", ["false"]),
]
c.ClusterConfig.worker_cmd = [DASK, "worker"]
c.ClusterConfig.cluster_max_workers = 4
c.ClusterConfig.adaptive_period = 1


# Pythons that have older releases of distributed, where such are asked for.
RELEASES = json.loads(os.environ.get("DGW_RELEASES", "{}"))


def configuration(options):
    """What the options mean to a cluster; those not named here are there to be chosen, no more."""
    release = RELEASES.get(getattr(options, "release", ""))
    of_workers = RELEASES.get(getattr(options, "worker_release", ""), release)
    programs = {
        # Scripts that the oldest has already, and the newest no longer.
        "scheduler_cmd": [str(Path(release).with_name("dask-scheduler"))],
        "worker_cmd": [str(Path(of_workers).with_name("dask-worker"))],
    } if release else {"scheduler_cmd": options.scheduler_start}
    if SLURM:
        programs |= {"scheduler_cores": options.scheduler_cores,
                     "scheduler_setup": options.scheduler_setup,
                     "worker_setup": options.worker_setup}
    # What a site may refuse: more clusters, and a cluster that is too large.
    if options.priority > 1000:
        raise ValueError("you already have 2 clusters of this priority")
    if options.priority < -1000:
        programs |= {"cluster_max_cores": 0.5}
    return programs | {
        "worker_cores": options.worker_cores,
        "worker_memory": int(options.worker_memory * 2**30),
        "environment": options.environment,
    }


# One of every type that the server knows, with and without bounds.
c.Backend.cluster_options = Options(
    Integer("worker_cores", default=1, min=1, max=4, label="Worker cores"),
    Float("worker_memory", default=1, min=0.5, max=8, label="Worker memory (GiB)"),
    String("worker_setup", label="Worker set-up"),
    Select("profile", ["small", "medium", "large"], label="Profile"),
    Integer("priority", label="Priority"),
    Bool("spot", label="Spot instances"),
    Mapping("environment", label="Environment variables"),
    Select("scheduler_start", SCHEDULER_STARTS, label="Scheduler start"),
    *([
        Select("release", ["", *RELEASES], label="Release of distributed"),
        Select("worker_release", ["", *RELEASES], label="Another release for the workers"),
    ] if RELEASES else []),
    # What makes a scheduler wait in the queue, and what runs in its job before it.
    *([
        Integer("scheduler_cores", default=1, min=1, label="Scheduler cores"),
        String("scheduler_setup", label="Scheduler set-up"),
    ] if SLURM else []),
    handler=configuration,
)
