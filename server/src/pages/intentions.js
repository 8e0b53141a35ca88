// What the buyer wants done. Each intention has a request id of its own and keeps it until it is answered, over broken
// connections and reloads: sent again it is still done once.

import { Lost } from "./line.js";
import { store, stored } from "./page.js";

const KEPT = "intentions";
/** Refusals that say nothing about the intention: it is sent again. */
const AGAIN = new Set(["OVERLOADED", "RATELIMITED", "LOADING", "READONLY", "JOURNALFAIL"]);
const PAUSE = 1_000;

/** A new id, of this intention alone. */
export const freshId = (kind) => `${kind}-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;

export class Intentions {
  #line;
  #kept = stored(KEPT, []);
  #underWay = new Set();
  #onAnswer;
  #onTrouble;

  /** `onAnswer(intention, answer)`, and `onTrouble(intention, error, goesOn)`. */
  constructor(line, onAnswer, onTrouble) {
    this.#line = line;
    this.#onAnswer = onAnswer;
    this.#onTrouble = onTrouble;
  }

  /** Whether there is one of this kind about this thing that is not answered yet. */
  has(method, about) {
    return this.#kept.some((intention) => intention.method === method && intention.about === about);
  }

  start(method, about, params) {
    const intention = { method, about, params: { ...params, req: freshId("req") } };
    this.#kept.push(intention);
    this.#keep();
    this.#send(intention);
  }

  /** Sends what has no answer again. */
  resume() {
    this.#kept.forEach((intention) => this.#send(intention));
  }

  async #send(intention) {
    if (this.#underWay.has(intention)) return;
    this.#underWay.add(intention);
    try {
      const answer = await this.#line.call(intention.method, intention.params);
      this.#forget(intention);
      this.#onAnswer(intention, answer);
    } catch (error) {
      this.#fail(intention, error);
    } finally {
      this.#underWay.delete(intention);
    }
  }

  #fail(intention, error) {
    // With the line it comes back by itself.
    const goesOn = error instanceof Lost || AGAIN.has(error.word);
    if (!goesOn) this.#forget(intention);
    else if (!(error instanceof Lost)) setTimeout(() => this.resume(), error.retryMs ?? PAUSE);
    this.#onTrouble(intention, error, goesOn);
  }

  #forget(intention) {
    this.#kept = this.#kept.filter((kept) => kept !== intention);
    this.#keep();
  }

  #keep() {
    store(KEPT, this.#kept);
  }
}
