//! Words of other programs, and what to type in their place.

/// Subcommands of gh, kubectl, docker and Slurm, or whatever people try first.
pub(crate) const SUBCOMMANDS: [(&[&str], &str); 15] = [
    (
        &[
            "create", "start", "launch", "add", "up", "submit", "sbatch", "salloc",
        ],
        "`dgw new` starts a cluster",
    ),
    (
        &[
            "delete",
            "del",
            "rm",
            "remove",
            "kill",
            "cancel",
            "scancel",
            "terminate",
            "destroy",
            "end",
            "down",
            "close",
        ],
        "`dgw shutdown` shuts clusters down",
    ),
    (
        &["ps", "status", "get", "squeue", "clusters", "jobs"],
        "`dgw list` lists your clusters; `dgw show` shows one in full",
    ),
    (
        &["describe", "info", "inspect"],
        "`dgw show` shows a cluster in full",
    ),
    (
        &["serve", "tunnel", "port-forward", "forward", "proxy"],
        "`dgw dashboard --serve` serves a cluster's dashboard on this machine",
    ),
    (
        &["open", "ui", "web", "browse"],
        "`dgw dashboard --open` opens a cluster's dashboard",
    ),
    (
        &["ssh", "attach", "exec", "shell", "srun", "client", "python"],
        "`dgw connect -- COMMAND` runs a COMMAND connected to a cluster",
    ),
    (
        &[
            "config",
            "configure",
            "setup",
            "init",
            "auth",
            "signin",
            "token",
            "password",
        ],
        "`dgw login` asks for your credentials and writes the configuration",
    ),
    (
        &["resize", "workers"],
        "`dgw scale` sets the number of workers",
    ),
    (
        &["autoscale", "adaptive"],
        "`dgw adapt` turns adaptive scaling on or off",
    ),
    (
        &["check", "diagnose", "test", "ping", "debug", "health"],
        "`dgw doctor` finds problems with the connection",
    ),
    (
        &["monitor", "htop", "watch"],
        "`dgw top` shows the clusters at work",
    ),
    (
        &["log", "tail"],
        "`dgw logs` prints logs; `-f` follows them",
    ),
    (
        &["protect", "pin", "hold"],
        "`dgw keep` protects a cluster from clean-up",
    ),
    (&["version"], "`dgw --version` prints the version"),
];

/// Flags of other programs; the argument that a subcommand must have for the hint to make sense, by
/// its name for clap; and the hint.
pub(crate) const FLAGS: [(&[&str], &str, &str); 21] = [
    (&["--json", "--jq"], "output", "use `-o json`"),
    (&["--yaml"], "output", "use `-o yaml`"),
    (&["--csv"], "output", "use `-o csv`"),
    (&["-l", "--long"], "wide", "use `-o wide`"),
    (
        &["--format", "--template"],
        "output",
        "use `-o json`, and `jq` for parts of it",
    ),
    (
        &["--no-headers", "--noheader"],
        "no_header",
        "use `--no-header`",
    ),
    (&["-S", "--sort"], "sort_by", "use `--sort-by COLUMN`"),
    (&["-i", "--iterate"], "watch", "use `--watch DURATION`"),
    (
        &["-t", "--states", "--state"],
        "status",
        "use `--status STATUS`",
    ),
    (&["-n", "--lines"], "tail", "use `--tail N`"),
    (&["-a", "-A", "--all-namespaces"], "all", "use `--all`"),
    (
        &[
            "-n",
            "-N",
            "-w",
            "--ntasks",
            "--nodes",
            "--n-workers",
            "--num-workers",
            "--nworkers",
        ],
        "workers",
        "use `--workers N`",
    ),
    (
        &["--min", "--max", "--minimum", "--maximum"],
        "adapt",
        "use `--adapt MIN..MAX`",
    ),
    (
        &[
            "-c",
            "--cores",
            "--cpus",
            "--cpus-per-task",
            "--mem",
            "--memory",
            "--option",
            "--options",
            "--env",
            "--image",
            "--profile",
            "-p",
            "--partition",
        ],
        "options",
        "use `-s KEY=VALUE`; `dgw options` lists the keys of this gateway",
    ),
    (
        &["--time", "--walltime"],
        "timeout",
        "use `--timeout DURATION`",
    ),
    (&["-f", "--force"], "yes", "use `--yes`"),
    (&["--debug", "--trace"], "verbose", "use `-v`"),
    (&["--silent"], "quiet", "use `-q`"),
    (
        &["--no-color", "--no-colour", "--colour"],
        "color",
        "use `--color never`",
    ),
    (
        &["--url", "--server", "--host"],
        "address",
        "use `--address URL`",
    ),
    (
        &["--config-file", "--kubeconfig"],
        "config",
        "use `--config PATH`",
    ),
];

/// Flags for secrets, which dgw does not have.
pub(super) const SECRETS: [&str; 4] = ["--token", "--api-token", "--password", "--pass"];

/// Flags that would turn off the check of certificates, which dgw does not have.
pub(super) const INSECURE: [&str; 6] = [
    "-k",
    "--insecure",
    "--no-verify",
    "--no-check-certificate",
    "--insecure-skip-tls-verify",
    "--skip-tls-verify",
];
