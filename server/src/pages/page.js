// What both pages need: numbers and times as people read them, elements, what is remembered, the server's clock, the
// theme.

const LANGUAGE = document.documentElement.lang;

const whole = new Intl.NumberFormat(LANGUAGE);
const short = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumSignificantDigits: 3 });
const moneys = new Map();

/** 12,345 in full; from a hundred thousand on 123K. */
export const count = (number) => (number < 100_000 ? whole : short).format(number);

/** Minor units of a currency. */
export function money(minor, currency) {
  let format = moneys.get(currency);
  if (!format) {
    format = new Intl.NumberFormat(LANGUAGE, { style: "currency", currency });
    moneys.set(currency, format);
  }
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const scaled = (value, units) => {
  let at = 0;
  while (at < units.length - 1 && value >= 1_000) {
    value /= 1_000;
    at += 1;
  }
  const digits = at > 0 && value < 100 ? (value < 10 ? 2 : 1) : 0;
  return [value.toFixed(digits), units[at]];
};

/** Microseconds, as a number and its unit. */
export const duration = (micros) => scaled(micros, ["µs", "ms", "s"]);

/** Bytes, as a number and its unit. */
export const bytes = (number) => scaled(number, ["B", "kB", "MB", "GB", "TB"]);

/** What is left of a countdown: 2 d 03:04:05, 1:02:03 or 4:05. */
export function countdown(millis) {
  const seconds = Math.max(0, Math.ceil(millis / 1_000));
  const two = (number) => String(number).padStart(2, "0");
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  const rest = `${two(minutes)}:${two(seconds % 60)}`;
  if (days > 0) return `${days} d ${two(hours)}:${rest}`;
  return hours > 0 ? `${hours}:${rest}` : `${minutes}:${two(seconds % 60)}`;
}

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class` and `data-*`, `aria-*`, `role` as attributes) and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (/^(data-|aria-|role$)/.test(key)) made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

/** Sets a text only when it is another: what did not change is neither painted nor read out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Makes a list show these keys in this order, with `make` for a new one and `update` for each. */
export function keep(list, items, key, make, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, at) => {
    const name = key(item);
    let child = known.get(name);
    known.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    if (list.children[at] !== child) list.insertBefore(child, list.children[at] ?? null);
    update(child, item);
  });
  known.forEach((child) => child.remove());
}

/** A bar of stock: what is left, what is held, and the rest is sold. */
export function drawStock(bar, { total, available, reserved, sold }) {
  const percent = (units) => `${total > 0 ? (100 * units) / total : 0}%`;
  bar.querySelector(".left").style.width = percent(available);
  bar.querySelector(".held").style.width = percent(reserved);
  bar.setAttribute("aria-valuemax", total);
  bar.setAttribute("aria-valuenow", available);
  bar.setAttribute("aria-valuetext", `${count(available)} left, ${count(reserved)} held, ${count(sold)} sold`);
}

export const stockBar = (name) =>
  element(
    "div",
    { class: "stock-bar", role: "meter", "aria-label": name, "aria-valuemin": 0 },
    element("span", { class: "left" }),
    element("span", { class: "held" }),
  );

/** What this window remembers under this name, over reloads. */
export const stored = (name, otherwise) => JSON.parse(sessionStorage.getItem(`tidegate.${name}`)) ?? otherwise;

export const store = (name, value) => sessionStorage.setItem(`tidegate.${name}`, JSON.stringify(value));

/** The server's time. The browser's own clock only measures how long ago it was told. */
export class ServerClock {
  #told = null;

  tell(time) {
    this.#told = { time: Date.parse(time), at: performance.now() };
  }

  now() {
    return this.#told ? this.#told.time + performance.now() - this.#told.at : Date.now();
  }

  /** Milliseconds until then. */
  until(time) {
    return Date.parse(time) - this.now();
  }
}

/** The button that changes between light and dark. Without a choice the page follows the system. */
export function offerThemes(button) {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => say(button, isDark() ? "Light" : "Dark");
  const chosen = localStorage.getItem("tidegate.theme");
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem("tidegate.theme", root.dataset.theme);
    label();
  });
  dark.addEventListener("change", label);
  label();
}
