//! README and the man pages are right: every command in them is run, on real gateways.

mod claims;
mod drawing;
mod elsewhere;
mod page;
mod picture;
mod reader;
mod session;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

pub(crate) use self::claims::Help;
use self::page::Block;
pub(crate) use self::page::Page;
use self::reader::Reader;
use crate::support::{BASIC, HUB, User, repository, send, until, write_private};

const README: &str = "README.md";
const CONFIG: &str = "src/commands/man_pages/dgw-config.5.md";
const IDLE: &str = "src/commands/man_pages/dgw-idle.7.md";
const SCRIPTS: &str = "src/commands/man_pages/dgw-scripts.7.md";
const SITE: &str = "src/commands/man_pages/dgw-site.7.md";

/// The documents whose commands are run: README, and the man pages that are not about a subcommand.
const DOCUMENTS: [&str; 5] = [README, CONFIG, IDLE, SCRIPTS, SITE];

/// A test for each section that has commands, and the list of those sections.
macro_rules! sections {
    ($($test:ident: $document:ident, $heading:literal => $run:expr,)*) => {
        const SECTIONS: &[(&str, &str)] = &[$(($document, $heading)),*];

        $(
            #[test]
            fn $test() {
                $run(blocks_of($document, $heading));
            }
        )*
    };
}

sections! {
    runs_see_it_work: README, "See it work" => |blocks| alone(User::new(), blocks),
    runs_install: README, "Install" => install,
    runs_first_run: README, "First run" => first_day,
    runs_in_a_shell: README, "In a shell of a login node or science machine" =>
        |blocks| alone(BASIC.user(), blocks),
    runs_clusters_with_names: README, "Clusters with names of your own" =>
        |blocks| alone(BASIC.user(), blocks),
    runs_credentials_for_the_workers: README, "Credentials for the workers" => credentials,
    runs_your_own_virtual_environment: README, "Your own virtual environment on the workers" =>
        virtual_environment,
    runs_a_dashboard_on_your_laptop: README, "A dashboard on your laptop" => dashboard,
    runs_in_a_script: README, "In a script" => script,
    runs_in_cron: README, "In cron" => cron,
    runs_as_a_batch_job: README, "As a batch job" => |blocks| alone(BASIC.user(), blocks),
    runs_in_the_terminal_of_a_hub: README, "In the terminal of a hub's notebook" => notebook,
    runs_on_several_gateways: README, "On several gateways" => several_gateways,
    runs_configuration: README, "Configuration" => configuration,
    runs_when_it_does_not_work: README, "When it doesn't work" => doctor,
    runs_the_example_of_dgw_config: CONFIG, "Example" => saved_password,
    runs_kerberos_of_dgw_config: CONFIG, "Kerberos" => |blocks| alone(User::new(), blocks),
    runs_cron_of_dgw_idle: IDLE, "Cron" => crontabs,
    runs_one_program_of_dgw_scripts: SCRIPTS, "One program" =>
        |blocks| alone(BASIC.user(), blocks),
    runs_several_programs_of_dgw_scripts: SCRIPTS, "Several programs" =>
        |blocks| alone(BASIC.user(), blocks),
    runs_batch_jobs_of_dgw_scripts: SCRIPTS, "Batch jobs" => |blocks| alone(BASIC.user(), blocks),
    runs_output_formats_of_dgw_scripts: SCRIPTS, "Output formats" => idle_names,
    runs_install_of_dgw_site: SITE, "Install" => site_installation,
    runs_configuration_of_dgw_site: SITE, "Configuration" => site_configuration,
}

/// Returns the commands of a section.
fn blocks_of(document: &str, heading: &str) -> Vec<Block> {
    let blocks = Page::of(document).blocks.into_iter();
    let blocks = blocks
        .filter(|block| block.heading == heading)
        .collect::<Vec<_>>();
    assert!(
        !blocks.is_empty(),
        "no commands in `{heading}` of {document}"
    );
    blocks
}

#[test]
fn every_section_with_commands_has_a_test() {
    for document in DOCUMENTS {
        for block in Page::of(document).blocks {
            let heading = &*block.heading;
            assert!(
                SECTIONS.contains(&(document, heading)),
                "nothing runs the commands of `{heading}` in {document}"
            );
        }
    }
}

/// Returns README's script for `sbatch`, for a node of four cores.
pub(crate) fn batch_script() -> String {
    let page = Page::read();
    let mut blocks = page.blocks.into_iter();
    let block = blocks.find(|block| block.text.contains("#SBATCH"));
    let script = block.expect("a script for Slurm").text;
    script.replace("-s worker_cores=2 --workers 20", "--workers 2")
}

/// Runs a section that needs nothing before and leaves nothing behind.
fn alone(user: User, blocks: Vec<Block>) {
    let mut reader = Reader::new(user, blocks);
    while !reader.is_through() {
        reader.go_on();
    }
    if reader.user.configuration().exists() {
        assert!(!reader.user.has_active_clusters(), "a cluster is left");
    }
}

fn install(blocks: Vec<Block>) {
    let mut reader = Reader::new(User::new(), blocks);
    reader.go_on();
    reader.go_on();
    let file = ".local/share/bash-completion/completions/dgw";
    let script = fs::read_to_string(reader.user.home().join(file)).expect(file);
    assert!(script.contains("dgw"), "{file}");
    assert!(reader.is_through());
}

/// Of a user of the hub's, who has no file yet: the token.
fn hub_user() -> (User, String) {
    let user = HUB.user();
    let file = fs::read_to_string(user.configuration()).expect("the configuration");
    let token = file
        .split("api_token: \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let token = token.expect("a token").to_owned();
    fs::remove_file(user.configuration()).expect("removed");
    (user, token)
}

/// In a directory like that of the release archive.
fn site_installation(blocks: Vec<Block>) {
    let user = User::new();
    let home = user.home().to_owned();
    for file in ["packaging/install", "packaging/modulefile"] {
        let name = Path::new(file).file_name().expect("a name");
        fs::copy(repository().join(file), home.join(name)).expect(file);
    }
    for directory in ["man", "completions"] {
        symlink(repository().join(directory), home.join(directory)).expect("a link");
    }
    symlink(env!("CARGO_BIN_EXE_dgw"), home.join("dgw")).expect("a link");
    let prefix = home.join("site");
    let mut reader = Reader::new(user, blocks).reading("/opt/", &format!("{}/", prefix.display()));
    while !reader.is_through() {
        reader.go_on();
    }
    for file in [
        "bin/dgw",
        "share/man/man1/dgw-run.1",
        "share/man/man5/dgw-config.5",
        "share/bash-completion/completions/dgw",
        "share/zsh/site-functions/_dgw",
        "share/fish/vendor_completions.d/dgw.fish",
    ] {
        let file = prefix.join("dgw").join(file);
        assert!(file.is_file(), "{}", file.display());
    }
    let version = env!("CARGO_PKG_VERSION");
    let module = prefix.join("modulefiles/dgw").join(version);
    let module = fs::read_to_string(module).expect("this version's module");
    assert!(module.contains(&format!("set prefix {}\n", prefix.join("dgw").display())));
    // Again, over what is there.
    let install = [home.join("install"), prefix.join("dgw")];
    let output = Command::new(&install[0]).arg(&install[1]).output();
    assert!(output.expect("it runs").status.success());
}

/// The site's file, and a user who only logs in.
fn site_configuration(blocks: Vec<Block>) {
    let (user, token) = hub_user();
    let site = user.home().join("site");
    let user = user.with("DASK_ROOT_CONFIG", &site.display().to_string());
    let mut reader = at_the_hub(user, blocks).answering("(input is hidden):", &token);
    let file = reader.next();
    fs::create_dir(&site).expect("a directory");
    fs::write(site.join("gateway.yaml"), reader.localized(&file.text)).expect("the site's file");
    reader.go_on();
    assert!(reader.is_through());
    let own = fs::read_to_string(reader.user.configuration()).expect("the user's file");
    assert!(own.contains(&token) && !own.contains("address"), "{own}");
    reader.user.dgw(&["list"]).success();
}

const HUB_EXAMPLE: &str = "https://hub.example.org/services/dask-gateway";

/// A reader for whom the example's hub is the real one.
fn at_the_hub(user: User, blocks: Vec<Block>) -> Reader {
    let address = HUB.fact("address");
    let hub = address.trim_end_matches("/services/dask-gateway");
    Reader::new(user, blocks)
        .reading(HUB_EXAMPLE, address)
        .reading("https://hub.example.org", hub)
        .reading("hub.example.org:8786", HUB.fact("proxy_address"))
}

/// A whole first day, from the login to the last shutdown, all in one home, with what several
/// sections show.
fn first_day(blocks: Vec<Block>) {
    let (user, token) = hub_user();
    let mut reader = at_the_hub(user, blocks).answering("(input is hidden):", &token);
    reader.go_on();
    assert!(reader.is_through());
    assert!(!reader.user.has_active_clusters(), "a cluster is left");
    let user = &reader.user;

    let shell = blocks_of(README, "In a shell of a login node or science machine");
    let [run, steps] = <[Block; 2]>::try_from(shell).expect("two blocks");
    assert_eq!(reader.follow(&run), "");
    let result = fs::read_to_string(user.home().join("result.csv")).expect("a result");
    assert!(result.starts_with("points,pi\n"), "{result}");
    assert!(!user.has_active_clusters(), "a cluster is left");

    // The last line ends the day.
    let at = steps.text.find("dgw shutdown").expect("a shutdown");
    let [work, end] = [&steps.text[..at], &steps.text[at..]].map(|text| Block {
        text: text.to_owned(),
        ..steps.clone()
    });
    let printed = reader.follow(&work);
    let name = user.stdout(&["list", "-o", "name"]);
    assert!(printed.starts_with(&format!("{name}\n")), "{printed}");
    assert_eq!(printed.matches(&result).count(), 2, "{printed}");
    let row = printed.lines().last().expect("the list");
    assert!(row.starts_with(&*name), "{printed}");

    let keep = shown_in_prose("dgw keep CLUSTER").replace("CLUSTER", &name);
    reader.script(&keep);
    thread::sleep(Duration::from_secs(1));
    let [cron] = <[Block; 1]>::try_from(blocks_of(README, "In cron")).expect("one crontab");
    let hasty = Block {
        text: cron
            .text
            .replace("--idle-for 2h", "--idle-for 1s")
            .replace("--older-than 1d", "--older-than 1s"),
        ..cron
    };
    assert_eq!(reader.follow(&hasty), "");
    let kept = reader.script(shown_in_prose("dgw keep --list"));
    assert!(kept.contains(&name), "{kept}");
    user.stdout(&["keep", &name, "--forget"]);
    assert_eq!(reader.follow(&end), format!("{name}\n"));
    assert!(!user.has_active_clusters(), "a cluster is left");
}

/// Asserts that the README has this command in a sentence.
fn shown_in_prose(command: &str) -> &str {
    let shown = Page::read()
        .spans
        .into_iter()
        .any(|span| span.text == command);
    assert!(shown, "README does not say `{command}`");
    command
}

fn credentials(blocks: Vec<Block>) {
    let user = BASIC.user().with("AWS_ACCESS_KEY_ID", "ada");
    let directory = user.home().join(".aws");
    fs::create_dir(&directory).expect("a directory");
    fs::write(directory.join("secret"), "s3cret\n").expect("a file");
    alone(user, blocks);
}

/// The default for new clusters, beside the configuration that is there.
fn virtual_environment(blocks: Vec<Block>) {
    let [block] = <[Block; 1]>::try_from(blocks).expect("one block");
    let user = BASIC.user().with("VIRTUAL_ENV", "/home/ada/my env");
    let defaults = user.home().join(".config/dask/options.yaml");
    write_private(&defaults, &block.text);
    let record = user.json(&["new"]);
    assert_eq!(
        record["options"]["worker_setup"],
        "source /home/ada/my env/bin/activate"
    );
    let output = user.command(&["new"]).env_remove("VIRTUAL_ENV").output();
    let output = output.expect("dgw runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("`VIRTUAL_ENV`, which is not set"),
        "{stderr}"
    );
    let output = user.command(&["list"]).env_remove("VIRTUAL_ENV").output();
    assert!(output.expect("dgw runs").status.success());
    user.stdout(&["shutdown", "--all", "--yes"]);
}

fn dashboard(blocks: Vec<Block>) {
    let mut reader = Reader::new(BASIC.user(), blocks);
    reader.user.stdout(&["new"]);
    reader.go_on();
    assert!(reader.is_through());
}

fn script(blocks: Vec<Block>) {
    let mut reader = Reader::new(BASIC.user(), blocks);
    let block = reader.next();
    assert_eq!(reader.follow(&block), "");
    let result = |file: &str| fs::read_to_string(reader.user.home().join(file));
    let first = result("result.csv").expect("a result");
    assert!(first.starts_with("points,pi\n"), "{first}");
    assert_eq!(result("again.csv").expect("a result"), first);
    assert!(!reader.user.has_active_clusters(), "a cluster is left");

    // Terminated in between, and while the cluster starts.
    let slow = "import time\nopen('started', 'w')\ntime.sleep(2)\n";
    fs::write(reader.user.home().join("analysis.py"), slow).expect("a script");
    let is_started = || reader.user.home().join("started").exists();
    terminated(&reader, &block.text, is_started);
    let slowly = block.text.replace("--workers 8", "-s scheduler_start=slow");
    terminated(&reader, &slowly, || reader.user.has_active_clusters());
    assert!(reader.is_through());
}

/// Runs the command that prints the names of idle clusters.
fn idle_names(blocks: Vec<Block>) {
    let mut reader = Reader::new(BASIC.user(), blocks);
    let name = reader.user.stdout(&["new"]);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(reader.go_on(), format!("{name}\n"));
    assert!(reader.is_through());
}

/// Sends the script's shell, and nothing else, SIGTERM once `it_is_time`: it leaves no cluster.
fn terminated(reader: &Reader, script: &str, it_is_time: impl Fn() -> bool) {
    let again = reader.user.home().join("again.csv");
    let _ = fs::remove_file(&again);
    let mut shell = reader.shell(&reader.written(script));
    let mut shell = shell.stderr(Stdio::null()).spawn().expect("sh runs");
    until(it_is_time, || "it is never time".to_owned());
    send(&shell, Signal::TERM);
    assert_eq!(shell.wait().expect("it ends").code(), Some(1));
    assert!(!reader.user.has_active_clusters(), "a cluster is left");
    assert!(!again.exists(), "it went on");
}

/// Runs the first crontab, as one that shuts clusters down, and the second. The third one needs a
/// program of a site.
fn crontabs(blocks: Vec<Block>) {
    let [first, second, third] = <[Block; 3]>::try_from(blocks).expect("three crontabs");
    let reader = Reader::new(BASIC.user(), Vec::new());
    let name = reader.user.stdout(&["new"]);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(reader.follow(&first), "");
    let hasty = |block: Block| Block {
        text: block.text.replace("--idle-for 2h", "--idle-for 1s"),
        ..block
    };
    assert_eq!(reader.follow(&hasty(first.clone())), format!("{name}\n"));
    let name = reader.user.stdout(&["new"]);
    thread::sleep(Duration::from_secs(2));
    let paths = first.text.lines().next().expect("a PATH");
    let second = Block {
        text: [paths, "\n", &*second.text].concat(),
        ..second
    };
    assert_eq!(reader.follow(&hasty(second)), "");
    let log = fs::read_to_string(reader.user.home().join("dgw.log")).expect("dgw.log");
    assert_eq!(log, format!("{name}\n"));
    assert!(
        third
            .text
            .contains(" 'dgw shutdown --idle-for 2h --yes -q'")
    );
}

fn cron(blocks: Vec<Block>) {
    let mut reader = Reader::new(BASIC.user(), blocks);
    let block = reader.next();
    assert!(reader.is_through());
    let mut name = reader.user.stdout(&["new"]);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(reader.follow(&block), "");
    for (long, short) in [
        ("--idle-for 2h", "--idle-for 1s"),
        ("--older-than 1d", "--older-than 1s"),
    ] {
        assert!(reader.user.has_active_clusters());
        let hasty = Block {
            text: block.text.replace(long, short),
            ..block.clone()
        };
        assert_eq!(reader.follow(&hasty), format!("{name}\n"), "{}", hasty.text);
        name = reader.user.stdout(&["new"]);
        thread::sleep(Duration::from_secs(2));
    }
}

fn notebook(blocks: Vec<Block>) {
    let (user, token) = hub_user();
    let proxy = format!("gateway://{}", HUB.fact("proxy_address"));
    let user = user
        .with("DASK_GATEWAY__ADDRESS", HUB.fact("address"))
        .with("DASK_GATEWAY__PROXY_ADDRESS", &proxy)
        .with("DASK_GATEWAY__AUTH__TYPE", "jupyterhub")
        .with("JUPYTERHUB_API_TOKEN", &token);
    let mut reader = Reader::new(user, blocks);
    assert!(reader.go_on().ends_with("points,pi\n10000000,3.142\n"));
    assert!(reader.is_through());
    assert!(!reader.user.has_active_clusters(), "a cluster is left");
}

fn several_gateways(blocks: Vec<Block>) {
    let login = format!(
        "echo {} | dgw login -g work --address {} --username ada",
        BASIC.fact("password"),
        BASIC.fact("address")
    );
    let mut reader = Reader::new(HUB.user(), blocks).reading(
        "dgw login -g work --address https://gateway.example.org",
        &login,
    );
    let listed = reader.go_on();
    assert!(listed.contains("default"), "{listed}");
    assert!(listed.contains("work"), "{listed}");
    assert!(reader.is_through());
}

fn configuration(blocks: Vec<Block>) {
    let (user, token) = hub_user();
    let hub = format!("address: {}", HUB.fact("address"));
    let mut reader = Reader::new(user, blocks)
        .reading("address: https://gateway.example.org", &hub)
        .reading("0123456789abcdef…", &token);
    reader.go_on();
    assert_has_own_default(&reader.go_on());
    assert!(reader.is_through());
}

/// Asserts that `dgw options` has printed the user's own default.
fn assert_has_own_default(options: &str) {
    let cores = options
        .lines()
        .find(|line| line.starts_with("worker_cores "));
    assert!(cores.is_some_and(|line| line.contains(" 2 ")), "{options}");
}

/// Uses the example of a configuration, and then saves a password in it.
fn saved_password(blocks: Vec<Block>) {
    let (user, token) = hub_user();
    let user = user.with("PASSWORD_IN_STORE", BASIC.fact("password"));
    let basic = format!("--address {}", BASIC.fact("address"));
    let mut reader = Reader::new(user, blocks)
        .reading(HUB_EXAMPLE, HUB.fact("address"))
        .reading("--address https://gateway.example.org", &basic)
        .reading("0123456789abcdef…", &token);
    reader.go_on();
    assert_has_own_default(&reader.go_on());
    reader.go_on();
    assert!(reader.is_through());
    let saved = fs::read_to_string(reader.user.configuration()).expect("the configuration");
    assert!(
        saved.contains("type: basic") && saved.contains("username: \"ada\""),
        "it is another"
    );
    assert!(saved.contains("worker_cores: 2"), "other keys are gone");
}

fn doctor(blocks: Vec<Block>) {
    let user = User::jupyterhub("https://gatewy-hpc.invalid", "t0ken", None);
    let mut reader = Reader::new(user, blocks)
        // As long as it, so that lines break at the same places.
        .reading("gatewy.example.org", "gatewy-hpc.invalid")
        // A system's own words.
        .reading("Name or service not known", "…");
    reader.go_on();
    assert!(reader.is_through());
}
