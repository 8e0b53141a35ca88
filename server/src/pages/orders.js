// The buyer's orders and carts: each with its hold counting down, to be paid or cancelled.

import { byId, countdown, element, keep, money, say, store, stored } from "./page.js";
import { ORDER } from "./words.js";

const KEPT = "orders";
const MOST = 20;

/** An order map and a cart map are alike; this is the name of either. */
const idOf = (order) => (order.lines ? order.cart : order.order);

export class Orders {
  #byId = new Map();
  #ids = stored(KEPT, []);
  #units = new Map();
  #shop;

  /** `shop` has `line`, `clock`, `intentions`, `buyer` and `titleOf`. */
  constructor(shop) {
    this.#shop = shop;
  }

  /** Asks for all that are remembered, after a reload or a broken line. */
  async load() {
    await Promise.all(this.#ids.map((id) => this.ask(id)));
  }

  async ask(id) {
    const isCart = id.includes("}:c:");
    const order = await this.#shop.line.call(isCart ? "cart.get" : "order.get", isCart ? { cart: id } : { order: id });
    if (order) this.take(order);
  }

  /** Takes in how an order stands. Lines of a cart are shown with it. */
  take(order) {
    if (order.cart && !order.lines) return;
    const id = idOf(order);
    this.#byId.set(id, order);
    if (!this.#ids.includes(id)) this.#ids = [id, ...this.#ids].slice(0, MOST);
    store(KEPT, this.#ids);
    this.show();
  }

  /** The code or the serial of each unit. They come with a payment, and are told to who pays and nowhere else. */
  takeUnits(id, units) {
    this.#units.set(id, units);
    this.show();
  }

  show() {
    const mine = this.#ids.map((id) => this.#byId.get(id)).filter((order) => order?.buyer === this.#shop.buyer);
    byId("orders-note").hidden = mine.length > 0;
    keep(byId("orders"), mine, idOf, (order) => this.#make(idOf(order)), (node, order) => this.#update(node, order));
  }

  #make(id) {
    const act = (label, run) => {
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => run(this.#byId.get(id)));
      return button;
    };
    const pay = act("Pay", (order) => this.#shop.pay(id, order));
    pay.className = "first";
    return element(
      "li",
      {},
      element("p", { class: "what" }, element("span"), element("span")),
      element("p", { class: "soft" }),
      element("p", { class: "codes" }),
      element("div", { class: "buy" }, pay, act("Cancel", (order) => this.#shop.cancel(id, order))),
    );
  }

  #update(node, order) {
    const [what, note, codes, buttons] = node.children;
    const id = idOf(order);
    const { titleOf, clock, intentions } = this.#shop;
    const lines = order.lines ?? [order];
    say(what.children[0], lines.map(({ sku, qty }) => `${qty} × ${titleOf(sku)}`).join(", "));
    say(what.children[1], money(order.amount, order.currency));
    const left = clock.until(order.expires_at);
    const isHeld = order.state === "RESERVED";
    const state = isHeld ? (left > 0 ? `held for you, ${countdown(left)} left` : "the time to pay is over") : ORDER[order.state];
    say(note, [state, ...discounts(order)].join(" · "));
    say(codes, this.#units.get(id)?.join(", ") ?? "");
    codes.hidden = codes.textContent === "";
    buttons.hidden = !isHeld;
    const kind = order.lines ? "cart" : "order";
    const isUnderWay = intentions.has(`${kind}.pay`, id) || intentions.has(`${kind}.cancel`, id);
    for (const button of buttons.children) button.disabled = isUnderWay;
    say(buttons.firstChild, `Pay ${money(order.amount, order.currency)}`);
  }
}

const NAMES = { tier: "bought together", coupon: "coupon", green: "small footprint", threshold: "for the sum" };

function discounts(order) {
  const { currency } = order;
  if (order.lines) return order.threshold_discount > 0 ? [`${money(order.threshold_discount, currency)} less for the sum`] : [];
  return order.discounts.filter(({ amount }) => amount > 0).map(({ name, amount }) => `${money(amount, currency)} less: ${NAMES[name]}`);
}
