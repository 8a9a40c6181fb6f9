//! dgw against real gateways, and against a stub for what a real one can't be made to do.

mod support;

mod adapt;
mod completions;
mod configuration;
mod connect;
mod dashboard;
mod export;
mod faults;
mod formats;
mod hub;
mod list;
mod logs;
mod matrix;
mod new;
mod options;
mod proxy;
mod relay;
mod releases;
mod repository;
mod requests;
mod run;
mod scale;
mod secrets;
mod shells;
mod show;
mod shutdown;
mod signals;
mod slurm;
mod start;
mod terminal;
mod tls;
mod top;
mod wait;
mod wide;
