// The storefront: one SKU at a time, live; buys, pays, cancels, joins rooms, uses coupons.

import { Intentions, freshId } from "./intentions.js";
import { Line, Refused, offerLogin, showLine } from "./line.js";
import { Orders } from "./orders.js";
import {
  ServerClock, byId, count, countdown, drawStock, element, keep, money, offerThemes, say, stockBar, store, stored,
} from "./page.js";
import { showRoom } from "./room.js";
import * as words from "./words.js";

/** A line on which nothing was heard for so long is tried. */
const HEARTBEAT_MS = 15_000;
const LISTED = 100;

/** How the line is, and how that looks. */
const CONTACT = {
  open: ["Live", "good"],
  connecting: ["Connecting", ""],
  waiting: ["No contact", "bad"],
  stranger: ["Token needed", "bad"],
};

const clock = new ServerClock();

/** All SKUs that were heard of, by name, and the campaign of each. */
const skus = new Map();
const campaigns = new Map();
let chosen = null;
let room = null;
let cart = stored("cart", []);
let coupons = stored("coupons", {});
let heardAt = 0;

const shop = { line: null, clock, intentions: null, buyer: stored("buyer", `buyer-${freshId("").slice(1, 6)}`), titleOf, pay, cancel };
const line = new Line({ onOpen: begin, onPush: ({ channel, data }) => hear(channel, data), onState: () => look() });
const intentions = new Intentions(line, answered, troubled);
const orders = new Orders(Object.assign(shop, { line, intentions }));
const showLogin = offerLogin(byId("login"), line);
const stock = byId("stock").appendChild(stockBar("Stock"));

function titleOf(sku) {
  return skus.get(sku)?.title ?? sku;
}

// --- what the server says --------------------------------------------------------------------------------------------

/** Sets up a new connection: what is for sale, what the page shows, and what was not answered on the last one. */
async function begin() {
  become(line.subject() ?? shop.buyer);
  byId("buyer").readOnly = line.subject() !== null;
  await list();
  const { sku, room: asked } = target();
  const open = [...skus.values()].find(({ state }) => state === "OPEN");
  await follow(sku ?? chosen ?? open?.sku ?? skus.keys().next().value ?? null, asked ?? null);
  hearAll(await line.call("subscribe", { channels: [`buyer:${shop.buyer}`] }));
  await orders.load();
  intentions.resume();
}

/** What there is, as far as this visitor may see lists; a SKU can be chosen by its name without. */
async function list() {
  const [all, every] = await Promise.all([fetchList(`skus?limit=${LISTED}`), fetchList("campaigns")]);
  for (const sku of all) skus.set(sku.sku, { ...skus.get(sku.sku), ...sku });
  campaigns.clear();
  for (const campaign of every) campaign.skus.forEach((sku) => campaigns.set(sku, campaign));
}

async function fetchList(path) {
  const answer = await fetch(`/api/v1/${path}`, { headers: line.credentials() });
  return answer.ok ? (await answer.json()).items : [];
}

/** What the address asks for: `#sku=name`, or `#room={name}:r:1`. */
function target() {
  const asked = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  const named = asked.get("room");
  return { sku: named?.match(/^\{(.+)\}:r:\d+$/)?.[1] ?? asked.get("sku"), room: named };
}

/** Shows this SKU and this room, live. */
async function follow(sku, roomId) {
  const before = channels();
  chosen = sku;
  room = roomId && { room: roomId, state: null };
  if (sku !== null) {
    const found = await line.call("sku.get", { sku });
    if (found) skus.set(sku, found);
  }
  const now = channels();
  const left = before.filter((channel) => !now.includes(channel));
  if (left.length > 0) await line.call("unsubscribe", { channels: left });
  if (now.length > 0) hearAll(await line.call("subscribe", { channels: now }));
  showList();
  look();
}

const channels = () => [
  ...(chosen === null ? [] : [`price:{${chosen}}`, `stock:{${chosen}}`]),
  ...(room === null ? [] : [`room:${room.room}`]),
];

const hearAll = ({ snapshots }) => snapshots.forEach(({ channel, data }) => hear(channel, data));

function hear(channel, data) {
  heardAt = performance.now();
  clock.tell(data.server_time);
  if (channel.startsWith("buyer:")) {
    if (data.type) orders.take(data);
  } else if (channel.startsWith("room:")) {
    if (channel === `room:${room?.room}`) room = data;
  } else if (skus.has(data.sku) && data.state !== null) {
    Object.assign(skus.get(data.sku), data);
  }
  look();
}

// --- what the buyer wants ----------------------------------------------------------------------------------------------

const quantity = () => byId("qty").valueAsNumber;

function buy() {
  const { sku, price } = skus.get(chosen);
  const coupon = usableCoupon();
  const use = coupon && byId("coupon-checked").checked ? { coupon: coupon.coupon } : {};
  intentions.start("order.reserve", sku, { sku, buyer: shop.buyer, qty: quantity(), max_price: price, ...use });
}

function pay(id, order) {
  const kind = order.lines ? "cart" : "order";
  intentions.start(`${kind}.pay`, id, { [kind]: id, amount: order.amount, payment: freshId("card") });
  look();
}

function cancel(id, order) {
  const kind = order.lines ? "cart" : "order";
  intentions.start(`${kind}.cancel`, id, { [kind]: id });
  look();
}

function tryOn() {
  const { campaign } = campaigns.get(chosen);
  intentions.start("coupon.trigger", chosen, { campaign, buyer: shop.buyer, event: couponWindow().event });
}

function buyCart() {
  const { campaign } = campaigns.get(cart[0].sku);
  intentions.start("cart.reserve", "cart", { campaign, buyer: shop.buyer, lines: cart });
}

async function answered({ method, about, params }, answer) {
  const { currency } = skus.get(params.sku ?? chosen) ?? {};
  const done = words.isDone(answer, method);
  tell(words.result(answer, { method, currency, clock, title: titleOf(answer.sku) }), done);
  if (method === "coupon.trigger" && done) keepCoupon(about, answer);
  if (params.coupon && (done || answer.status === "COUPON_INVALID")) keepCoupon(about, undefined);
  if (method === "cart.reserve" && done) keepCart([]);
  const units = answer.units ?? [];
  if (units.length > 0) orders.takeUnits(about, units);
  const id = answer.order ?? answer.cart ?? (/^(order|cart)\.(pay|cancel)$/.test(method) ? about : undefined);
  if (id) await orders.ask(id).catch(() => {});
  if (method === "room.open" && done) location.hash = `#room=${answer.room}`;
  look();
}

function troubled(intention, error, goesOn) {
  tell(words.trouble(error), false);
  if (!goesOn && ["NOAUTH", "WRONGPASS"].includes(error.word)) line.login("");
  look();
}

function tell(text, isGood) {
  say(byId("said"), text);
  byId("said").className = `said ${isGood ? "good" : "bad"}`;
}

// --- coupons and the cart ------------------------------------------------------------------------------------------------

/** The window that trying on opens for this SKU. */
const couponWindow = () => campaigns.get(chosen)?.coupon_windows.find((window) => window.skus?.includes(chosen) ?? true);

function keepCoupon(sku, coupon) {
  coupons = { ...coupons, [`${shop.buyer} ${sku}`]: coupon };
  store("coupons", coupons);
}

function usableCoupon() {
  const coupon = coupons[`${shop.buyer} ${chosen}`];
  return coupon && clock.until(coupon.expires_at) > 0 ? coupon : undefined;
}

function keepCart(lines) {
  cart = lines;
  store("cart", cart);
  look();
}

function addToCart() {
  const qty = quantity() + (cart.find(({ sku }) => sku === chosen)?.qty ?? 0);
  const isSameCampaign = ({ sku }) => campaigns.get(sku)?.campaign === campaigns.get(chosen).campaign;
  keepCart([...cart.filter((kept) => kept.sku !== chosen && isSameCampaign(kept)), { sku: chosen, qty }]);
}

/** From now on this is who buys. */
function become(buyer) {
  shop.buyer = buyer;
  byId("buyer").value = buyer;
  store("buyer", buyer);
}

// --- what is shown -------------------------------------------------------------------------------------------------------

function showList() {
  const named = [...skus.values()].sort((one, other) => one.title.localeCompare(other.title));
  keep(byId("skus"), named, ({ sku }) => sku, newEntry, (node, { sku, title }) => {
    say(node.firstChild, title);
    if (sku === chosen) node.firstChild.setAttribute("aria-current", "true");
    else node.firstChild.removeAttribute("aria-current");
  });
}

function newEntry({ sku }) {
  const button = element("button", { type: "button" });
  button.addEventListener("click", () => (location.hash = `#sku=${sku}`));
  return element("li", {}, button);
}

function look() {
  showLogin();
  showContact();
  showSku();
  const { currency = "EUR" } = skus.get(chosen) ?? {};
  const isJoining = intentions.has("room.join", room?.room);
  showRoom(room, { buyer: shop.buyer, clock, currency, isJoining, isLive: line.state === "open" });
  byId("cart").hidden = cart.length === 0;
  byId("cart-buy").disabled = line.state !== "open" || intentions.has("cart.reserve", "cart");
  keep(byId("lines"), cart, ({ sku }) => sku, () => element("li", {}, element("span"), element("span")), (node, { sku, qty }) => {
    say(node.firstChild, titleOf(sku));
    say(node.lastChild, `× ${count(qty)}`);
  });
  orders.show();
}

function showContact() {
  const [word, level] = CONTACT[line.state];
  const what = line.state === "waiting" ? "There is no contact to the server: what you see may have changed." : "";
  showLine(line, { level, word, isStale: line.state !== "open", what });
}

function showSku() {
  const sku = skus.get(chosen);
  byId("offer").hidden = !sku;
  byId("sku-state").hidden = !sku;
  say(byId("sku-title"), sku?.title ?? (chosen === null ? "Nothing chosen" : "There is no such SKU"));
  say(byId("sku-name"), chosen ?? "");
  if (!sku) return;
  const [word, level] = words.SKU[sku.state];
  say(byId("sku-state"), word);
  byId("sku-state").className = `badge ${level}`;
  say(byId("price"), money(sku.price, sku.currency));
  say(byId("price-note"), step(sku));
  drawStock(stock, sku);
  say(byId("units"), `${count(sku.available)} of ${count(sku.total)} left${sku.reserved > 0 ? `, ${count(sku.reserved)} held` : ""}`);
  say(byId("when"), when(sku));
  showActions(sku);
}

function step({ next_price, next_price_at, currency }) {
  if (next_price === null) return "";
  return `${money(next_price, currency)} in ${countdown(clock.until(next_price_at))}, if there are any left`;
}

function when({ state, starts_at, ends_at }) {
  if (state === "SCHEDULED" && starts_at) return `Opens in ${countdown(clock.until(starts_at))}`;
  return ends_at && state !== "ENDED" ? `Ends in ${countdown(clock.until(ends_at))}` : "";
}

function showActions({ sku, state }) {
  const isOff = line.state !== "open" || state === "ENDED";
  byId("buy-button").disabled = isOff || state === "SOLD_OUT" || intentions.has("order.reserve", sku);
  say(byId("buy-button"), state === "SOLD_OUT" ? "Sold out" : "Buy");
  byId("room-open").disabled = isOff || intentions.has("room.open", sku);
  byId("cart-add").hidden = !campaigns.has(sku);
  const coupon = usableCoupon();
  const window = couponWindow();
  byId("try-on").hidden = !window || coupon !== undefined;
  byId("try-on").disabled = isOff || intentions.has("coupon.trigger", sku);
  byId("coupon-use").hidden = coupon === undefined;
  if (coupon) say(byId("coupon-text"), `Use your coupon: ${coupon.percent_off} % off, for ${countdown(clock.until(coupon.expires_at))}`);
}

// --- what the buyer does ---------------------------------------------------------------------------------------------------

/** Does what needs the line; when that breaks, everything is set up again anyway. */
function attempt(act) {
  act().catch((error) => {
    if (error instanceof Refused) tell(words.trouble(error), false);
  });
}

byId("skip").addEventListener("click", (event) => {
  // The address says what is shown; it is to stay.
  event.preventDefault();
  byId("sku").focus();
});
byId("buy").addEventListener("submit", (event) => {
  event.preventDefault();
  buy();
  look();
});
byId("try-on").addEventListener("click", () => (tryOn(), look()));
byId("room-open").addEventListener("click", () => {
  intentions.start("room.open", chosen, { sku: chosen, buyer: shop.buyer, qty: quantity() });
  look();
});
byId("room-join").addEventListener("click", () => {
  intentions.start("room.join", room.room, { room: room.room, buyer: shop.buyer, qty: quantity() });
  look();
});
byId("room-leave").addEventListener("click", () => (location.hash = `#sku=${chosen}`));
byId("cart-add").addEventListener("click", addToCart);
byId("cart-empty").addEventListener("click", () => keepCart([]));
byId("cart-buy").addEventListener("click", () => (buyCart(), look()));
byId("other").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("other-name").value.trim();
  if (name) location.hash = `#sku=${name}`;
  byId("other-name").value = "";
});
byId("buyer").addEventListener("change", ({ target: field }) => {
  const before = shop.buyer;
  become(/^[!-~]{1,64}$/.test(field.value) ? field.value : before);
  attempt(async () => {
    await line.call("unsubscribe", { channels: [`buyer:${before}`] });
    hearAll(await line.call("subscribe", { channels: [`buyer:${shop.buyer}`] }));
  });
  look();
});
addEventListener("hashchange", () => {
  const { sku, room: asked } = target();
  // What was said is about the room, if there is one now.
  if (!asked) say(byId("said"), "");
  attempt(() => follow(sku, asked));
});

offerThemes(byId("theme"));
become(shop.buyer);
line.connect();
setInterval(look, 250);
setInterval(() => {
  if (line.state !== "open" || chosen === null || performance.now() - heardAt < HEARTBEAT_MS) return;
  attempt(async () => {
    const found = await line.call("sku.get", { sku: chosen });
    if (found) Object.assign(skus.get(found.sku), found);
  });
}, HEARTBEAT_MS / 3);
