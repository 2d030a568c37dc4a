// What a person has chosen to see of the ward, kept in this browser for each who signs in at it.

import { type Choice, choiceOf, marked, mineOf, WHOLE } from "./model/choice";

export class WardChoice {
  choice = $state.raw<Choice>(WHOLE);
  mine = $state.raw(mineOf(null));
  #user = "";

  /** Takes what a person chose when they were here last. */
  load(user: string): void {
    this.#user = user;
    this.choice = choiceOf(localStorage.getItem(this.#key("view")));
    this.mine = mineOf(localStorage.getItem(this.#key("mine")));
  }

  change(part: Partial<Choice>): void {
    this.choice = { ...this.choice, ...part };
    localStorage.setItem(this.#key("view"), JSON.stringify(this.choice));
  }

  /** A bed becomes this person's, or ceases to be. */
  mark(bed: string): void {
    this.mine = marked(this.mine, bed);
    localStorage.setItem(this.#key("mine"), JSON.stringify([...this.mine]));
  }

  /** Nothing is left out any more. */
  showAll(): void {
    this.change({ ...WHOLE, order: this.choice.order });
  }

  #key(what: string): string {
    return `rpm-service ${what} ${this.#user}`;
  }
}
