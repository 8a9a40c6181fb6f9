//! `dgw packages`

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::attach::find_program;
use crate::cli::{TargetArgs, value};
use crate::error::Error;
use crate::lifecycle;
use crate::output::{Difference, package_schema};
use crate::packages::{self, LocalPackages, breaking};
use crate::session::{Invocation, Session};

/// Compare the packages here with those of a cluster's scheduler and workers
///
/// Shows the packages that differ between a Python interpreter here, the scheduler and the workers.
/// `breaking` marks those that break work: dask, distributed, msgpack, cloudpickle, tornado or
/// Python's minor version differ; versions of numpy, pandas, xarray or a compression library
/// differ; or one of the first three of these is not installed both here and on all workers. `missing`
/// means not installed, `?` unknown, and `2.1(3)` that three workers have version 2.1.
///
/// The interpreter is PYTHON; or the one in `VIRTUAL_ENV` or `CONDA_PREFIX`, or else `python3`, if it
/// has distributed. No package is imported, neither here nor on the cluster. A cluster can't list its
/// packages: dgw asks for those that are installed here, and for the ones named above. A scheduler
/// whose distributed is older than 2025.4 is only asked for the versions that dask itself compares.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw packages
  dgw packages --all 2224 -- ~/envs/analysis/bin/python
  dgw packages --check -q && python analysis.py")]
pub(crate) struct PackagesArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Show packages without differences too
    #[arg(short, long)]
    all: bool,

    /// Exit with 1 if packages differ in a way that breaks work, or workers do not respond
    #[arg(long)]
    check: bool,

    /// Time limit for the scheduler, and for the workers
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::limit)]
    probe_timeout: Duration,

    /// Python interpreter here, with arguments if it needs any
    #[arg(last = true, value_name = "PYTHON", value_hint = ValueHint::CommandWithArguments)]
    python: Vec<OsString>,
}

impl PackagesArgs {
    /// Prints the packages that differ.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let printer = &session.printer;
        printer.check_sorting(&package_schema())?;
        find_program(&self.python)?;
        let pattern = self.target.cluster.as_ref();
        let (row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
        let name = &row.cluster.name;
        lifecycle::require_running(&row.cluster)?;
        let here = self.packages_here(&session).await?;
        let schedulers = session.schedulers(self.probe_timeout);
        let request = packages::compare(&schedulers, name, identity.as_ref(), here.as_ref());
        let mut comparison = request.await.map_err(|source| {
            let name = name.clone();
            packages::Error::Scheduler { name, source }
        })?;
        let breaking = breaking(&comparison.rows);
        let compared = comparison.rows.len();
        if !self.all {
            let is_known = [Difference::None, Difference::Unknown];
            let rows = &mut comparison.rows;
            rows.retain(|row| !is_known.contains(&row.difference));
        }
        let differing = comparison.rows.len();
        printer.records(comparison.rows, &package_schema())?;
        if !self.all {
            printer.note(&format!(
                "{differing} of {compared} packages differ between {}",
                comparison.places
            ));
        }
        for note in comparison.notes {
            printer.note(&note);
        }
        match comparison.fault {
            Some(fault) if self.check => return Err(fault.into()),
            Some(fault) => printer.warn(&fault.to_string()),
            None => {}
        }
        if self.check && !breaking.is_empty() {
            return Err(packages::Error::Breaking { packages: breaking }.into());
        }
        Ok(())
    }

    /// Returns the packages here; `None` if the interpreter is not named and none has distributed.
    async fn packages_here(&self, session: &Session) -> Result<Option<LocalPackages>, Error> {
        let settings = &session.settings;
        if !self.python.is_empty() {
            return Ok(Some(LocalPackages::read(&self.python, settings).await?));
        }
        let found = LocalPackages::find(settings).await;
        Ok(found.map_err(|reason| session.printer.warn(&reason)).ok())
    }
}
