//! Support for the tests: gateways, their users, and stubs.

mod faulty;
mod gateway;
mod process;
mod scheduler;
mod screen;
mod serving;
mod stub;
mod terminal;
mod used;
mod user;
pub(crate) mod web;
mod work;

pub(crate) use faulty::{Faulty, Harm, When, login_page, places};
#[cfg(feature = "kerberos")]
pub(crate) use gateway::KERBEROS;
pub(crate) use gateway::{
    BASIC, HUB, OLDER_SERVERS, PREFIX, RELEASES, SLURM, TLS, TestGateway, repository,
};
pub(crate) use process::{output_with_stdin, send, spawned};
pub(crate) use scheduler::{CERTIFICATE, KEY, scheduler};
pub(crate) use screen::Screen;
pub(crate) use serving::{Serving, until};
pub(crate) use stub::{Stub, answer, json_answer, tunnel_to};
pub(crate) use terminal::Terminal;
pub(crate) use used::Used;
pub(crate) use user::{User, is_calm, set_mode, write_private};
pub(crate) use work::{Client, Frozen};
