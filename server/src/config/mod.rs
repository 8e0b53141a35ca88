//! Configuration: what the operator wrote, turned into a [`Config`] that can't be wrong.
//!
//! Four layers, the later wins: the defaults (in `sections.rs`), a TOML file, the environment, the flags.
//! Every problem of every layer is reported at once, as `section.key: reason`, and nothing starts before
//! all of them are gone.
//!
//! * `sections.rs`: every setting with its default, its range and its meaning.
//! * `section.rs`: how a setting is declared, checked and written back.
//! * `layers.rs`: reading the layers and refusing what isn't a setting.
//! * `users.rs`, `webhooks.rs`: the lists; `listed.rs`: what they have in common.
//! * `problem.rs`: what is wrong, and where it was written.

mod layers;
mod listed;
mod origins;
mod problem;
mod section;
mod sections;
mod users;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use layers::{Flags, Sources};
pub use origins::Origins;
pub(crate) use origins::is_this_machine;
pub use problem::{ConfigError, Problem};
pub use section::SettingInfo;
pub use sections::{
    Actors, Deliveries, Feed, Http, Journal, Limits, Log, LogFormat, Logins, Push, Shutdown, Tcp, Tls,
    TokenAlgorithm, Tokens, Ws,
};
pub(crate) use users::TOKEN_USER;
pub use users::User;
pub use webhooks::Webhook;

use layers::Listed;
use listed::Table as _;
use problem::Problems;
use section::{DirectoryPath, Rule, Setting};
use sections::{
    RawActors, RawDeliveries, RawFeed, RawHttp, RawJournal, RawLimits, RawLog, RawLogins, RawPush,
    RawShutdown, RawTcp, RawTls, RawTokens, RawWs,
};
use users::ShownUser;
use webhooks::ShownWebhook;

/// Where the data directory is unless said otherwise, relative to the working directory.
const DEFAULT_DATA_DIR: &str = "./tidegate-data";

/// Every setting of the server, checked. Made by [`Config::load`]; [`Config::default`] is what an empty file
/// means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Directory of the journal and its snapshots. One server at a time.
    pub data_dir: PathBuf,
    /// The Redis protocol's listener.
    pub tcp: Tcp,
    /// The listener for health, status, metrics and administration.
    pub http: Http,
    /// WebSockets.
    pub ws: Ws,
    /// What one client, one SKU and the whole server may use.
    pub limits: Limits,
    /// Who may connect, and do what. None: everybody on this machine may do everything.
    pub users: Vec<User>,
    /// How users prove who they are.
    pub logins: Logins,
    /// Tokens that let a browser act for one buyer.
    pub tokens: Tokens,
    /// TLS on both doors.
    pub tls: Tls,
    /// How the SKUs' actors run.
    pub actors: Actors,
    /// What is pushed to subscribers.
    pub push: Push,
    /// The write-ahead log and its snapshots.
    pub journal: Journal,
    /// The feed of events.
    pub feed: Feed,
    /// Endpoints that entries of the feed are sent to.
    pub webhooks: Vec<Webhook>,
    /// How they are sent there.
    pub deliveries: Deliveries,
    /// What is logged, and how.
    pub log: Log,
    /// How the server stops.
    pub shutdown: Shutdown,
    /// Campaign files to load once the journal is replayed, in this order. From `--campaign` only.
    pub campaigns: Vec<PathBuf>,
}

/// A checked configuration, and what the operator should hear about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The effective settings.
    pub config: Config,
    /// `TIDEGATE_…` variables that name no setting. Not an error: Kubernetes sets such variables by itself
    /// for a service that is called tidegate. Worth a line in the log, because it may be a typing mistake.
    pub unused_variables: Vec<String>,
}

impl Config {
    /// Reads all layers and checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] lists everything that is wrong: an unreadable file, keys that don't exist, values of
    /// the wrong kind or out of range, and settings that contradict each other.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
        let mut problems = Problems::default();
        let layers = layers::read(sources, &mut problems);
        let config = RawConfig::from_layers(&layers, &mut problems)
            .build_and_validate(&layers.listed, &mut problems)
            .map(|config| Config { campaigns: sources.flags.campaigns.clone(), ..config });
        problems.attribute(|key| layers.origin_of(key));
        match config {
            Some(config) if problems.is_empty() => {
                Ok(Loaded { config, unused_variables: layers.unused_variables })
            }
            _ => Err(problems.into_error()),
        }
    }

    /// The settings as a TOML document that, read as a file, gives the same settings again (campaign files
    /// are flags, so they are not in it). Users are listed, but for their hashes.
    pub fn to_toml(&self) -> String {
        let shown = Shown {
            settings: RawConfig::from(self),
            users: self.users.iter().map(ShownUser::from).collect(),
            webhooks: self.webhooks.iter().map(ShownWebhook::from).collect(),
        };
        // Plain strings and numbers in tables: there is nothing that TOML can't say.
        toml::to_string(&shown).unwrap_or_default()
    }

    /// Every setting there is, in the order of the file.
    pub fn settings() -> Vec<SettingInfo> {
        let mut all = vec![SettingInfo {
            key: "data_dir".to_owned(),
            default: format!("{DEFAULT_DATA_DIR:?}"),
            range: None,
        }];
        RawTcp::describe("tcp", &mut all);
        RawHttp::describe("http", &mut all);
        RawWs::describe("ws", &mut all);
        RawLimits::describe("limits", &mut all);
        RawLogins::describe("logins", &mut all);
        RawTokens::describe("tokens", &mut all);
        RawTls::describe("tls", &mut all);
        RawActors::describe("actors", &mut all);
        RawPush::describe("push", &mut all);
        RawJournal::describe("journal", &mut all);
        RawFeed::describe("feed", &mut all);
        RawDeliveries::describe("deliveries", &mut all);
        RawLog::describe("log", &mut all);
        RawShutdown::describe("shutdown", &mut all);
        all
    }
}

impl Default for Config {
    fn default() -> Self {
        let mut problems = Problems::default();
        match RawConfig::default().build_and_validate(&Listed::default(), &mut problems) {
            Some(config) => config,
            // The defaults are constants and a test loads them, so this arm is never taken in a build that
            // passed its tests.
            None => unreachable!("the default settings are not valid: {}", problems.into_error()),
        }
    }
}

/// What `tidegate check-config FILE` prints: `OK` as a comment and the settings that `serve --config FILE`
/// would run with in this environment, as a TOML document.
///
/// # Errors
/// Everything that is wrong with the file and with the environment's settings.
pub fn check_file(file: &Path) -> Result<String, ConfigError> {
    let sources = Sources::from_process(Some(file.to_owned()), Flags::default());
    let loaded = Config::load(&sources)?;
    let mut report = format!("# OK: {}\n", file.display());
    for variable in &loaded.unused_variables {
        report.push_str(&format!("# {variable} is set but is no setting; it is not used\n"));
    }
    report.push_str(&loaded.config.to_toml());
    Ok(report)
}

/// The effective configuration as an operator may see it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    settings: RawConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<ShownUser>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhooks: Vec<ShownWebhook>,
}

/// The settings as written: any integer, any text. Only [`RawConfig::build_and_validate`] makes a [`Config`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    data_dir: String,
    tcp: RawTcp,
    http: RawHttp,
    ws: RawWs,
    limits: RawLimits,
    logins: RawLogins,
    tokens: RawTokens,
    tls: RawTls,
    actors: RawActors,
    push: RawPush,
    journal: RawJournal,
    feed: RawFeed,
    deliveries: RawDeliveries,
    log: RawLog,
    shutdown: RawShutdown,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            data_dir: DEFAULT_DATA_DIR.to_owned(),
            tcp: RawTcp::default(),
            http: RawHttp::default(),
            ws: RawWs::default(),
            limits: RawLimits::default(),
            logins: RawLogins::default(),
            tokens: RawTokens::default(),
            tls: RawTls::default(),
            actors: RawActors::default(),
            push: RawPush::default(),
            journal: RawJournal::default(),
            feed: RawFeed::default(),
            deliveries: RawDeliveries::default(),
            log: RawLog::default(),
            shutdown: RawShutdown::default(),
        }
    }
}

impl RawConfig {
    fn from_layers(layers: &layers::Layers, problems: &mut Problems) -> Self {
        layers.extract().unwrap_or_else(|reason| {
            problems.add("configuration", reason);
            Self::default()
        })
    }

    /// Checks every setting alone, then the settings against each other. `None` exactly if a problem was
    /// found.
    fn build_and_validate(&self, listed: &Listed, problems: &mut Problems) -> Option<Config> {
        let data_dir = problems.check("data_dir", DirectoryPath.check(&self.data_dir));
        let tcp = self.tcp.build("tcp", problems);
        let http = self.http.build("http", problems);
        let ws = self.ws.build("ws", problems);
        let limits = self.limits.build("limits", problems);
        let users = User::check_all(&listed.users, problems);
        let private = !listed.users.is_empty()
            || only_loopback("tcp.listen", tcp.as_ref().map(|tcp| tcp.listen), problems)
                & only_loopback("http.listen", http.as_ref().map(|http| http.listen), problems);
        let logins = self.logins.build("logins", problems);
        let tokens = self.tokens.build("tokens", problems);
        let tls = self.tls.build("tls", problems);
        let actors = self.actors.build("actors", problems);
        let push = self.push.build("push", problems);
        let journal = self.journal.build("journal", problems);
        let feed = self.feed.build("feed", problems);
        let webhooks = Webhook::check_all(&listed.webhooks, problems);
        let deliveries = self.deliveries.build("deliveries", problems);
        let log = self.log.build("log", problems);
        let shutdown = self.shutdown.build("shutdown", problems);
        let config = Config {
            data_dir: data_dir?,
            tcp: tcp?,
            http: http?,
            ws: ws?,
            limits: limits?,
            users: users?,
            logins: logins?,
            tokens: tokens?,
            tls: tls?,
            actors: actors?,
            push: push?,
            journal: journal?,
            feed: feed?,
            webhooks: webhooks?,
            deliveries: deliveries?,
            log: log?,
            shutdown: shutdown?,
            campaigns: Vec::new(),
        };
        (config.settings_agree(problems) && private).then_some(config)
    }
}

/// Without users everyone who connects may do everything, so nothing may be listened on that others can reach.
fn only_loopback(key: &str, listen: Option<SocketAddr>, problems: &mut Problems) -> bool {
    let Some(address) = listen.filter(|address| !address.ip().to_canonical().is_loopback()) else {
        return true;
    };
    problems.add(
        key,
        format!(
            "{address} can be reached from other machines, and with no users configured everyone who connects may do \
             everything; configure users, or listen on 127.0.0.1 or [::1]"
        ),
    );
    false
}

impl Config {
    /// What no setting can know alone.
    fn settings_agree(&self, problems: &mut Problems) -> bool {
        let before = problems.len();
        if self.tcp.listen == self.http.listen && self.tcp.listen.port() != 0 {
            problems.add(
                "http.listen",
                format!("{} is tcp.listen's address too; give it another port", self.http.listen),
            );
        }
        if self.limits.read_buffer_bytes < self.limits.max_command_bytes {
            problems.add(
                "limits.read_buffer_bytes",
                format!(
                    "{} can't hold one command of limits.max_command_bytes ({})",
                    self.limits.read_buffer_bytes, self.limits.max_command_bytes
                ),
            );
        }
        let (pool, buffer) = (self.limits.output_pool_bytes, self.limits.output_buffer_bytes);
        if pool != 0 && pool < buffer {
            problems.add(
                "limits.output_pool_bytes",
                format!("{pool} is less than what one connection may take of it (limits.output_buffer_bytes, {buffer}), and not 0"),
            );
        }
        if self.journal.max_inflight_bytes < self.journal.max_commit_bytes {
            problems.add(
                "journal.max_inflight_bytes",
                format!(
                    "{} is less than one commit of journal.max_commit_bytes ({})",
                    self.journal.max_inflight_bytes, self.journal.max_commit_bytes
                ),
            );
        }
        if self.tls.certificate_file.is_some() != self.tls.key_file.is_some() {
            problems.add(
                "tls.key_file",
                "a certificate needs its key and a key its certificate; give both or neither",
            );
        }
        if self.deliveries.max_retry_ms < self.deliveries.first_retry_ms {
            problems.add("deliveries.max_retry_ms", "is less than deliveries.first_retry_ms");
        }
        for (at, webhook) in self.webhooks.iter().enumerate() {
            if webhook.is_open_to_others() && !self.deliveries.allow_http {
                problems.add(
                    format!("{}[{at}].url", Webhook::KEY),
                    "must be https: what is sent holds buyers' orders (deliveries.allow_http = true sends it anyway)",
                );
            }
        }
        if (self.tokens.algorithm == TokenAlgorithm::None) == self.tokens.key_file.is_some() {
            problems.add(
                "tokens.key_file",
                "an algorithm needs a key and a key an algorithm; give both or neither",
            );
        }
        problems.len() == before
    }
}

impl From<&Config> for RawConfig {
    fn from(config: &Config) -> Self {
        Self {
            data_dir: config.data_dir.to_raw(),
            tcp: RawTcp::from(&config.tcp),
            http: RawHttp::from(&config.http),
            ws: RawWs::from(&config.ws),
            limits: RawLimits::from(&config.limits),
            logins: RawLogins::from(&config.logins),
            tokens: RawTokens::from(&config.tokens),
            tls: RawTls::from(&config.tls),
            actors: RawActors::from(&config.actors),
            push: RawPush::from(&config.push),
            journal: RawJournal::from(&config.journal),
            feed: RawFeed::from(&config.feed),
            deliveries: RawDeliveries::from(&config.deliveries),
            log: RawLog::from(&config.log),
            shutdown: RawShutdown::from(&config.shutdown),
        }
    }
}
