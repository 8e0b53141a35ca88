// The operations dashboard: shows what the channel `status` says, once a second, and says so when it says nothing.

import { History, drawAreas, drawLines } from "./chart.js";
import { Line, offerLogin, showLine } from "./line.js";
import {
  ServerClock, byId, bytes, count, countdown, drawStock, duration, element, keep, money, offerThemes, say, stockBar,
} from "./page.js";

/** Without news for so long, what is shown is not how it stands now. */
const STALE_MS = 3_000;
const MINUTES = 5;
/** SKUs on the page: more than that is a list, not a glance. */
const SHOWN = 10;

const ACCEPTED = new Set(
  ("RESERVED PAID OPENED JOINED GRANTED CANCELLED REFUNDED REFUND_DUE CREATED UPDATED UNCHANGED RESTOCKED REPRICED " +
    "RESUMED UNBLOCKED").split(" "),
);
const REFUSED = new Set(
  ("ERR WRONGPASS NOAUTH NOPERM NOPROTO LOADING READONLY MOVED CROSSSLOT IDEMPREUSE RATELIMITED OVERLOADED " +
    "JOURNALFAIL BUSYGROUP NOGROUP").split(" "),
);
const KINDS = ["accepted", "read", "rejected", "refused"];
const PERCENTILES = { p50: "p50", p99: "p99", p999: "p99.9" };

/** What kind of answer an outcome is. A rejection is the rules at work, a refusal is trouble. */
function kindOf(outcome) {
  if (outcome === "OK") return "read";
  if (ACCEPTED.has(outcome)) return "accepted";
  return REFUSED.has(outcome) ? "refused" : "rejected";
}

const clock = new ServerClock();
const history = new History(MINUTES * 60);
let heardAt = null;
let lastRefusedAt = null;
let shown = null;

const line = new Line({
  onOpen: async () => {
    const { snapshots } = await line.call("subscribe", { channels: ["status"] });
    hear(snapshots[0].data);
  },
  onPush: ({ data }) => hear(data),
  onState: () => look(),
});
const showLogin = offerLogin(byId("login"), line);

function hear(data) {
  heardAt = performance.now();
  clock.tell(data.server_time);
  shown = data;
  showRates(data);
  showSale(data);
  showHealth(data.status, data.rates);
  look();
}

/** A large number, with its unit in small. */
function sayBig(id, number, unit) {
  const node = byId(id);
  const text = unit ? `${number} ${unit}` : number;
  if (node.dataset.text === text) return;
  node.dataset.text = text;
  node.replaceChildren(number, ...(unit ? [element("small", {}, unit)] : []));
}

/** A number and its unit, never on two lines. */
const spaced = ([number, unit]) => `${number}\u00a0${unit}`;

function showRates({ rates }) {
  if (!rates) return;
  const sums = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  for (const [outcome, rate] of Object.entries(rates.outcomes)) sums[kindOf(outcome)] += rate;
  const { p50, p99, p999 } = rates.latency_us;
  history.add(heardAt / 1_000, { ...sums, p50, p99, p999 });
  if (sums.refused > 0) lastRefusedAt = heardAt;

  sayBig("requests", count(rates.requests));
  say(byId("requests-note"), `${count(sums.read)} reads, ${count(sums.rejected)} rejected by the rules`);
  sayBig("accepted", count(sums.accepted));
  const { RESERVED = 0, OPENED = 0, JOINED = 0, PAID = 0 } = rates.outcomes;
  say(byId("accepted-note"), `${count(RESERVED + OPENED + JOINED)} reserved, ${count(PAID)} paid`);
  sayBig("refused", count(sums.refused));
  byId("refused-card").classList.toggle("trouble", sums.refused > 0);
  say(byId("refused-note"), refusedNote(rates.outcomes, sums.refused));
  if (p99 > 0) sayBig("p99", ...duration(p99));
  else sayBig("p99", "–");
  say(byId("p99-note"), p99 > 0 ? `p50 ${spaced(duration(p50))}, p99.9 ${spaced(duration(p999))}` : "nothing was asked");
  showCharts(rates);
}

function refusedNote(outcomes, sum) {
  if (sum > 0) {
    const { OVERLOADED = 0 } = outcomes;
    return OVERLOADED > 0 ? `${count(OVERLOADED)} overloaded` : "errors of callers";
  }
  if (lastRefusedAt === null) return "none since this page is open";
  return `none; the last ${countdown(performance.now() - lastRefusedAt)} ago`;
}

function showCharts(rates) {
  const now = heardAt / 1_000;
  const requests = `Requests per second over the last ${MINUTES} minutes; now ${count(rates.requests)}`;
  drawAreas(byId("traffic"), { name: requests, history, now, kinds: KINDS, label: count });
  const latency = `Latency over the last ${MINUTES} minutes: p50, p99 and p99.9`;
  const kinds = Object.keys(PERCENTILES);
  const label = (micros) => duration(micros).join(" ").replace(/\.0+(?= )/, "");
  drawLines(byId("latency"), { name: latency, history, now, kinds, label });
  const outcomes = Object.entries(rates.outcomes).sort(([, one], [, other]) => other - one);
  keep(byId("outcomes"), outcomes.slice(0, 8), ([outcome]) => outcome, ([outcome]) => entry(kindOf(outcome)), (node, [outcome, rate]) => {
    tell(node, outcome === "OK" ? "read" : outcome, count(rate));
  });
  keep(byId("percentiles"), kinds, (kind) => kind, (kind) => entry(kind), (node, kind) => {
    const micros = rates.latency_us[kind];
    tell(node, PERCENTILES[kind], micros > 0 ? duration(micros).join(" ") : "–");
  });
}

const entry = (kind) => element("li", {}, element("span", { class: `key ${kind}` }), element("span"), element("b"));

function tell(node, name, value) {
  say(node.children[1], name);
  say(node.children[2], value);
}

function showSale({ stock, rooms, skus, steps }) {
  sayBig("left", count(stock.available));
  const held = `${count(stock.reserved)} held, ${count(stock.sold)} sold`;
  say(byId("left-note"), stock.sold_out > 0 ? `${held}; ${count(stock.sold_out)} of ${count(stock.skus)} sold out` : held);
  for (const state of ["forming", "succeeded", "failed"]) say(byId(`rooms-${state}`), count(rooms[state]));

  keep(byId("stock"), skus.slice(0, SHOWN), (sku) => sku.sku, newStock, updateStock);
  const more = stock.skus - Math.min(skus.length, SHOWN);
  byId("stock-note").hidden = more === 0 && skus.length > 0;
  say(byId("stock-note"), more > 0 ? `and ${count(more)} more` : "No SKU yet.");

  keep(byId("ladders"), steps, (step) => step.sku, newLadder, updateLadder);
  byId("ladders-note").hidden = steps.length > 0;
}

const STATES = { SCHEDULED: "not open yet", OPEN: "", PAUSED: "paused", SOLD_OUT: "sold out", ENDED: "ended" };

const newStock = (sku) =>
  element(
    "li",
    {},
    element("p", { class: "name" }, element("b"), element("span")),
    stockBar(`Stock of ${sku.title}`),
    element("p", { class: "units" }),
    element("p", { class: "pace" }),
  );

function updateStock(node, sku) {
  const [name, bar, units, pace] = node.children;
  node.classList.toggle("gone", sku.available === 0);
  say(name.children[0], sku.title);
  say(name.children[1], [sku.sku, STATES[sku.state]].filter(Boolean).join(" · "));
  drawStock(bar, sku);
  const left = count(sku.available);
  if (units.dataset.left !== left) {
    units.dataset.left = left;
    units.replaceChildren(left, element("small", {}, `of ${count(sku.total)} left`));
  }
  say(pace, sku.changes_per_second > 0 ? `${count(sku.changes_per_second)}/s` : "quiet");
}

const newLadder = () =>
  element(
    "li",
    {},
    element("b"),
    element("p", { class: "prices" }, element("strong"), element("span")),
    element("p", { class: "rung" }, element("span")),
    element("p", { class: "soft" }),
  );

function updateLadder(node, { title, price, currency, next_price, next_price_at, start, floor }) {
  const [name, prices, rung, note] = node.children;
  say(name, title);
  say(prices.children[0], money(price, currency));
  say(prices.children[1], ` → ${money(next_price, currency)}`);
  rung.firstChild.style.width = `${(100 * (price - floor)) / (start - floor)}%`;
  say(note, `in ${countdown(clock.until(next_price_at))} · not below ${money(floor, currency)}`);
}

const READINESS = {
  ready: ["good", "Selling"],
  loading: ["warn", "Replaying the journal"],
  draining: ["warn", "Stopping"],
  journal_failed: ["bad", "Journal failed"],
};

function showHealth({ readiness, actors, connections, mailboxes, journal, memory, build, uptime_ms }, rates) {
  say(byId("uptime"), `up ${countdown(uptime_ms)} · ${build.version}`);
  sayBig("lag", ...bytes(journal.lag_bytes));
  const sync = `sync p99 ${spaced(duration(journal.commits.sync_us.p99))}`;
  say(byId("lag-note"), rates ? `${count(rates.events)} events/s, ${sync}` : sync);
  byId("journal-card").classList.toggle("trouble", readiness.state === "journal_failed");
  const named = ({ count: number, names }) => (number === 0 ? "none" : `${count(number)}: ${names.slice(0, 5).join(", ")}`);
  const checks = [
    ["Server", READINESS[readiness.state][0], readiness.reason ?? READINESS[readiness.state][1]],
    ["Journal", journal.trouble ? "warn" : "good", journal.trouble ?? `event ${count(journal.durable_sequence)} is durable`],
    ["Quarantined", actors.quarantined.count > 0 ? "bad" : "good", named(actors.quarantined)],
    ["Rebuilding", actors.rebuilding.count > 0 ? "warn" : "good", named(actors.rebuilding)],
    [
      "Fullest queue",
      mailboxes.deepest * 2 > mailboxes.capacity ? "warn" : "good",
      `${count(mailboxes.deepest)} of ${count(mailboxes.capacity)} groups`,
    ],
    [
      "Connections",
      connections.refused > 0 ? "warn" : "good",
      `${count(connections.open)} open, ${count(connections.refused)} refused so far`,
    ],
  ];
  if (memory.resident_bytes !== null) checks.push(["Memory", "good", bytes(memory.resident_bytes).join(" ")]);
  keep(byId("health"), checks, ([name]) => name, newCheck, (node, [, level, text]) => {
    node.firstChild.className = `dot ${level}`;
    say(node.lastChild, text);
  });
}

const newCheck = ([name]) => element("li", {}, element("span", { class: "dot" }), element("span", { class: "name" }, name), element("span"));

/** How the connection is, and whether what is shown can be believed. */
function look() {
  showLogin();
  const quiet = heardAt === null ? null : performance.now() - heardAt;
  const isStale = line.state !== "open" || quiet === null || quiet > STALE_MS;
  const [level, word] = isStale ? contact() : READINESS[shown.status.readiness.state];
  const what = isStale ? silence(quiet) : trouble(shown.status);
  const since = quiet === null ? "" : `The last came ${countdown(quiet)} ago. `;
  showLine(line, { level, word, isStale, what, since });
}

function contact() {
  if (line.state === "stranger") return ["bad", "Token needed"];
  if (line.state === "connecting" && heardAt === null) return ["", "Connecting"];
  return ["bad", "No contact"];
}

/** Why the numbers are old. */
function silence(quiet) {
  if (line.state === "stranger" || (quiet === null && line.state === "connecting")) return "";
  const what = quiet === null ? "There is no contact to the server." : "There is no news: these numbers are old.";
  return line.reason ? `${what} The server said: ${line.reason}.` : what;
}

/** What the operator has to know before any number. */
function trouble({ readiness: { state, reason, replayed }, actors: { quarantined } }) {
  if (state === "journal_failed") return `The journal failed. Nothing is acknowledged until a restart: ${reason}`;
  if (state === "loading") return `The journal is being replayed: ${count(replayed)} events so far. Nothing is sold yet.`;
  if (state === "draining") return "The server is stopping: it takes no new orders.";
  if (quarantined.count === 0) return "";
  const others = quarantined.count > 5 ? " and others" : "";
  return `Out of service after a failed rebuild: ${quarantined.names.slice(0, 5).join(", ")}${others}.`;
}

offerThemes(byId("theme"));
line.connect();
// Countdowns go on between two pieces of news; and silence is news, too.
setInterval(() => {
  if (shown && !document.body.classList.contains("stale")) showSale(shown);
  look();
}, 500);
