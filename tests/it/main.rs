//! dgw against real gateways, and against a stub for what a real one can't be made to do.

mod support;

mod adapt;
mod bounds;
mod completions;
mod configuration;
mod connect;
mod dashboard;
mod doctor;
mod documents;
mod environments;
mod export;
mod faults;
mod forbidden;
mod formats;
mod hub;
mod keep;
#[cfg(feature = "kerberos")]
mod kerberos;
mod list;
mod login;
mod logs;
mod matrix;
mod narrow;
mod new;
mod options;
mod orphans;
mod proxy;
mod readme;
mod relay;
mod releases;
mod repository;
mod requests;
mod run;
mod scale;
mod secrets;
mod serve;
mod serve_browser;
mod serve_load;
mod servers;
mod setups;
mod shells;
mod show;
mod shutdown;
mod sightings;
mod signals;
mod slurm;
mod start;
mod terminal;
mod thousands;
mod tls;
mod top;
mod wait;
mod wide;
#[cfg(not(feature = "kerberos"))]
mod without_kerberos;
