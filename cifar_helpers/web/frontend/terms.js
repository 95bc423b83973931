// A calculation on one line: numbers, each with a caption above it, signs between them, and the result.
import styles from "./terms.css";
import { h } from "./ui.js";

/** The CSS of this part, which a widget adds to its own. */
export const termStyles = styles;

/**
 * @returns {{node: any, set: (terms: [string, string, string][]) => void}} `set` takes a sign (none before the first),
 *     a caption and a number for each term; the last is the result
 */
export function termLine() {
  const node = h("div", { class: "cw-terms" });
  return {
    node,
    set(terms) {
      const last = terms.length - 1;
      const parts = terms.map(([sign, caption, number], k) => [
        sign ? h("span", {}, sign) : null,
        h("div", { class: k === last ? "result" : null }, h("span", { class: "cw-cap" }, caption), h("b", {}, number)),
      ]);
      node.replaceChildren(...parts.flat().filter(part => part));
    },
  };
}
