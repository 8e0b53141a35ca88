// The connection: JSON-RPC 2.0 over the server's WebSocket, made anew whenever it breaks.

import { byId, countdown, say } from "./page.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Without an answer for so long the line is taken for dead. */
const PATIENCE = 10_000;
const TOKEN = "tidegate.token";

/** The line broke before there was an answer: what became of the request is unknown. */
export class Lost extends Error {}

/** The server's error: `word` as in the protocol, `retryMs` if it says when to try again. */
export class Refused extends Error {
  constructor({ message, data = {} }) {
    super(message);
    this.word = data.code;
    this.retryMs = data.retry_ms;
  }
}

/** States: `connecting`, `open`, `waiting` (until `retryAt`, by performance.now()), `stranger` (a token is needed). */
export class Line {
  state = "connecting";
  retryAt = 0;
  /** Why it is not open, if the server said so. */
  reason = "";
  #socket = null;
  #waiting = new Map();
  #lastId = 0;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #onOpen;
  #onPush;
  #onState;

  /** `onOpen` sets up each new connection (subscriptions); until it is done the line is not `open`. */
  constructor({ onOpen, onPush, onState }) {
    this.#onOpen = onOpen;
    this.#onPush = onPush;
    this.#onState = onState;
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  connect() {
    clearTimeout(this.#timer);
    this.#become("connecting");
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#begin(socket));
    socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data)));
    socket.addEventListener("close", ({ reason }) => this.#end(socket, reason));
  }

  /** Tries at once, if it is waiting to. */
  retry() {
    if (this.state === "waiting") this.connect();
  }

  /** Goes on as whoever has this token. */
  login(token) {
    sessionStorage.setItem(TOKEN, token);
    this.#pause = FIRST_PAUSE;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#loseAll();
    this.connect();
  }

  /** What a request over HTTP says to be the same somebody. */
  credentials() {
    const token = sessionStorage.getItem(TOKEN);
    return token ? { authorization: `Bearer ${token}` } : {};
  }

  /** Whose token it is, if it is a buyer's. The server checks it; here it only fills a field. */
  subject() {
    const payload = sessionStorage.getItem(TOKEN)?.split(".")[1];
    if (!payload) return null;
    try {
      return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))).sub ?? null;
    } catch {
      return null;
    }
  }

  /** Asks. Rejects with `Refused` or `Lost`. */
  call(method, params = {}) {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return Promise.reject(new Lost("there is no connection"));
    const id = ++this.#lastId;
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#end(socket, "the server does not answer"), PATIENCE);
      this.#waiting.set(id, { resolve, reject, timer });
    });
  }

  async #begin(socket) {
    try {
      const token = sessionStorage.getItem(TOKEN);
      if (token) await this.call("auth", { token });
      await this.#onOpen();
      this.#pause = FIRST_PAUSE;
      this.reason = "";
      if (socket === this.#socket) this.#become("open");
    } catch (error) {
      if (error instanceof Lost) return;
      if (!(error instanceof Refused)) console.error(error);
      if (["NOAUTH", "WRONGPASS", "NOPERM"].includes(error.word)) {
        this.reason = error.message;
        this.#become("stranger");
      } else {
        this.#end(socket, error.message);
      }
    }
  }

  #hear(message) {
    if (message.method === "subscription") {
      this.#onPush(message.params);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(new Refused(message.error));
    else waiting.resolve(message.result);
  }

  #end(socket, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.close();
    this.#loseAll();
    if (this.state === "stranger") return;
    this.reason = reason;
    // Not all at the same moment: a server that comes back has many such pages.
    const pause = this.#pause * (0.75 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.retryAt = performance.now() + pause;
    this.#timer = setTimeout(() => this.connect(), pause);
    this.#become("waiting");
  }

  #loseAll() {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Lost("the connection broke"));
    }
    this.#waiting.clear();
  }

  #become(state) {
    this.state = state;
    this.#onState();
  }
}

/** The form that asks for a token while the line says that one is needed. */
export function offerLogin(form, line) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = form.elements.namedItem("token");
    line.login(field.value.trim());
    field.value = "";
  });
  return () => {
    form.hidden = line.state !== "stranger";
    if (!form.hidden) form.querySelector("output").value = line.reason;
  };
}

/**
 * Shows how the line is: `word` and `level` in the bar; above the page `what` is wrong, if something is. When what the
 * page shows `isStale`, that goes with `since` when it was heard, and with when the line is tried again.
 */
export function showLine(line, { level, word, isStale, what = "", since = "" }) {
  document.body.classList.toggle("stale", isStale);
  byId("state").className = `state ${level}`;
  say(byId("state-word"), word);
  // Apart from the rest: it changes all the time, which is not to be read out again and again.
  const next = line.state === "waiting" ? `Trying again in ${countdown(line.retryAt - performance.now())}.` : "Connecting …";
  say(byId("alarm-what"), what);
  say(byId("alarm-when"), isStale && what !== "" ? since + next : "");
  byId("alarm").hidden = what === "";
}
